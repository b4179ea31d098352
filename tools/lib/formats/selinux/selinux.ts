/** Looks up labels of paths in SELinux file contexts. See docs/formats/selinux.md. */
export { FileContexts, type FileContextsSources } from './file-contexts.ts';
export type { FileKind, NamedText } from './parse.ts';
