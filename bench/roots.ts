/** The root file systems that rows work on. */
export type RootName = 'small' | 'large';
export const ROOT_NAMES: readonly RootName[] = ['small', 'large'];
