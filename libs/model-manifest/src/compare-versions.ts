/** Orders semantic versions by precedence (semver.org §11): negative when `a` is the older. */
export function compareVersions(a: string, b: string): number {
  const [coreA = '', ...restA] = a.split('-');
  const [coreB = '', ...restB] = b.split('-');
  const numbersA = coreA.split('.').map(Number);
  const numbersB = coreB.split('.').map(Number);
  for (let i = 0; i < 3; i += 1) {
    const difference = (numbersA[i] ?? 0) - (numbersB[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return comparePreReleases(restA.join('-'), restB.join('-'));
}

function comparePreReleases(a: string, b: string): number {
  if (a === b) return 0;
  // A pre-release comes before the release it leads to.
  if (a === '') return 1;
  if (b === '') return -1;
  const partsA = a.split('.');
  const partsB = b.split('.');
  for (let i = 0; i < Math.max(partsA.length, partsB.length); i += 1) {
    const [x, y] = [partsA[i], partsB[i]];
    if (x === undefined) return -1;
    if (y === undefined) return 1;
    if (x === y) continue;
    const [numericX, numericY] = [/^\d+$/.test(x), /^\d+$/.test(y)];
    if (numericX && numericY) return Number(x) - Number(y);
    if (numericX !== numericY) return numericX ? -1 : 1;
    return x < y ? -1 : 1;
  }
  return 0;
}
