// @ts-check
// Which command installs a missing program, and whether this user may run it. Pure: system-package.mjs carries it out.

/**
 * @typedef {'apt-get' | 'dnf' | 'apk'} PackageManager
 * @typedef {'redis-server' | 'dockerd'} NeededProgram
 * @typedef {{ manager: PackageManager | undefined, isRoot: boolean, mayInstall: boolean }} Host
 * @typedef {{ kind: 'install', manager: PackageManager, packages: string[], commands: string[][] }
 *   | { kind: 'tell', why: string, mend: string }} InstallPlan
 */

/** @type {readonly PackageManager[]} */
export const packageManagers = ['apt-get', 'dnf', 'apk'];

/**
 * Without what packages merely recommend, except: the engine needs certificates to pull, and on a kernel with AppArmor
 * (Debian's and Ubuntu's) it starts no container without apparmor_parser.
 * @type {Record<NeededProgram, Record<PackageManager, string[]>>}
 */
const PACKAGES = {
  'redis-server': { 'apt-get': ['redis-server'], dnf: ['redis'], apk: ['redis'] },
  dockerd: { 'apt-get': ['docker.io', 'ca-certificates', 'apparmor'], dnf: ['moby-engine'], apk: ['docker'] },
};

/** @param {PackageManager} manager @param {readonly string[]} names @returns {string[][]} */
function installCommands(manager, names) {
  switch (manager) {
    case 'apt-get':
      return [
        // The lists of a fresh machine are empty or old. The lock is often held by the first automatic update after boot.
        ['apt-get', '-o', 'DPkg::Lock::Timeout=120', 'update'],
        ['apt-get', '-o', 'DPkg::Lock::Timeout=120', 'install', '--yes', '--no-install-recommends', ...names],
      ];
    case 'dnf':
      return [['dnf', 'install', '--assumeyes', ...names]];
    case 'apk':
      return [['apk', 'add', '--no-cache', ...names]];
  }
}

/**
 * @param {NeededProgram} program
 * @param {Host} host
 * @returns {InstallPlan}
 */
export function planInstall(program, { manager, isRoot, mayInstall }) {
  if (!manager) {
    return { kind: 'tell', why: `${program} is not installed, and there is no apt-get, dnf or apk to install it with`, mend: `Install ${program} by hand so that it is on the PATH.` };
  }
  const packages = PACKAGES[program][manager];
  const commands = installCommands(manager, packages);
  if (mayInstall && isRoot) return { kind: 'install', manager, packages, commands };
  const why = isRoot ? `${program} is not installed, and FUNCTION_RUNNER_NO_INSTALL=1 forbids installing` : `${program} is not installed, and only root can install it`;
  const line = commands.map((command) => [...(isRoot ? [] : ['sudo']), ...command.filter((word) => !/^(-o|DPkg::.*)$/.test(word))].join(' ')).join(' && ');
  return { kind: 'tell', why, mend: `Run: ${line}` };
}
