/** What a process can read about where it runs. */
export interface OwnTraces {
  /** Text of /proc/self/cgroup. */
  cgroup: string;
  /** Text of /proc/self/mountinfo. */
  mountinfo: string;
  hostname: string;
}

/** A container's id as a whole part of a path: `/docker/<id>`, `/system.slice/docker-<id>.scope`. */
const ID = /(?:^|[/-])([0-9a-f]{64})(?=\/|\.scope|$)/g;

/** The id as Docker makes a host name of it. */
const CUT_ID = /^[0-9a-f]{12}$/;

/** Files that the engine mounts into every container from the folder that it keeps for it. */
const PLACED_BY_ENGINE = ['/etc/hostname', '/etc/hosts', '/etc/resolv.conf'];

/**
 * The ids that the container of this process may have, the surest first, each once. The engine is to be asked which of
 * them it knows: the one may be of another engine, around this one.
 *
 * The cgroup names the container itself; with cgroup v2 it is hidden (`0::/`), and what the engine has mounted tells.
 * That is another container's where two share a network. The host name is the id by default, the host's own with host
 * networking, and anything else may be some other container's name.
 */
export function ownContainerIds({ cgroup, mountinfo, hostname }: OwnTraces): string[] {
  const ofCgroup = cgroup.split('\n').map((line) => lastId(line.slice(line.indexOf(':', line.indexOf(':') + 1) + 1)));
  // Fields: id, parent, device, root (the folder that is mounted, in its file system), mount point, …
  const ofMounts = mountinfo.split('\n').map((line) => line.split(' ')).map(([, , , root, point]) => (PLACED_BY_ENGINE.includes(point ?? '') ? lastId(root ?? '') : undefined));
  const ofName = CUT_ID.test(hostname) ? hostname : undefined;
  return [...new Set([...ofCgroup, ...ofMounts, ofName])].filter((id) => id !== undefined);
}

/** Engines within engines put one path below the other: the last one is the nearest. */
function lastId(path: string): string | undefined {
  return [...path.matchAll(ID)].at(-1)?.[1];
}
