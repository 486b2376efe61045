/** Peak signal-to-noise ratio of two 8-bit pictures of the same size, in dB, leaving out `border` pixels all round. */
export function psnr(a: Uint8Array, b: Uint8Array, width: number, border = 0): number {
  const height = a.length / 3 / width;
  let sum = 0;
  let count = 0;
  for (let y = border; y < height - border; y++) {
    for (let x = border * 3; x < (width - border) * 3; x++) {
      sum += ((a[y * width * 3 + x] ?? 0) - (b[y * width * 3 + x] ?? 0)) ** 2;
      count++;
    }
  }
  return 10 * Math.log10(255 ** 2 / (sum / count));
}
