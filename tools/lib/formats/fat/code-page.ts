/**
 * Code page 437, in which the kernel (`CONFIG_FAT_DEFAULT_CODEPAGE`) and DOS keep the characters of short names beyond ASCII. A long
 * name, if there is one, is in UTF-16 and needs none.
 */
const HIGH_HALF =
  'ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00a0';

const ASCII_LIMIT = 0x80;

/** The characters of a short name's bytes. */
export function decodeCodePage(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) {
    text += byte < ASCII_LIMIT ? String.fromCharCode(byte) : HIGH_HALF.charAt(byte - ASCII_LIMIT);
  }
  return text;
}
