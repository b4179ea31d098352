export function compressLz4(_piece: Uint8Array, _limitBytes: number, _level: number): Uint8Array | undefined {
  return undefined;
}
