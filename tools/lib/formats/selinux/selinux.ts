/** SELinux file contexts: the label of each path by policy (docs/formats/selinux.md). */
export { FileContexts, type FileContextsSources } from './file-contexts.ts';
export type { FileKind, NamedText } from './parse.ts';
