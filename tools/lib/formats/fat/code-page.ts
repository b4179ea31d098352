/**
 * Code page 437, which the kernel (`CONFIG_FAT_DEFAULT_CODEPAGE`) and DOS use for characters beyond
 * ASCII in short names. Long names are UTF-16 and need no code page.
 */
const HIGH_HALF =
  'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0';

const ASCII_LIMIT = 0x80;

/** Decodes the bytes of a short name. */
export function decodeCodePage(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) {
    text += byte < ASCII_LIMIT ? String.fromCharCode(byte) : HIGH_HALF.charAt(byte - ASCII_LIMIT);
  }
  return text;
}
