/** SELinux file contexts: the label of each path by policy (docs/formats/selinux.md). */
export { FileContexts, type FileContextsSources, type FileKind, type NamedText } from './file-contexts.ts';
