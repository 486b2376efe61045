import { ownContainerIds } from './own-container.js';

const A = '9e71b18686b0484edd2ad6ec114acf90bec4e4a62c8eca46a19439cd92fd77b2';
const B = 'b862399aa7145020e0bebd84892c9886308b5ff6728c7b26c3fb1193683ba711';
const DISK = 'ext4 /dev/vda rw,discard';

/** As Docker 20.10 shows it inside a container, with the id's folder as `root`. */
const mounts = (root: string): string =>
  [
    '74 49 0:39 / / rw,relatime master:2 - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/3MDN:/var/lib/docker/overlay2/l/GFBB,upperdir=/var/lib/docker/overlay2/a17506704561322e3c846e972b83d2c90eb48d324b80aba6c2b8f6fc3c3a1d5d/diff',
    '75 74 0:42 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw',
    `91 74 254:0 ${root}/resolv.conf /etc/resolv.conf rw,relatime - ${DISK}`,
    `92 74 254:0 ${root}/hostname /etc/hostname rw,relatime - ${DISK}`,
    `93 74 254:0 ${root}/hosts /etc/hosts rw,relatime - ${DISK}`,
    '94 74 254:0 /srv/film /films rw,relatime - ext4 /dev/vda rw,discard',
    '',
  ].join('\n');

describe('ownContainerIds', () => {
  it.each<[string, { cgroup?: string; mountinfo?: string; hostname?: string }, string[]]>([
    ['cgroup v1', { cgroup: `9:name=systemd:/docker/${A}\n4:memory:/docker/${A}\n0::/docker/${A}\n` }, [A]],
    ['cgroup v1, systemd driver', { cgroup: `4:memory:/system.slice/docker-${A}.scope\n` }, [A]],
    ['cgroup v2 with the host’s namespace', { cgroup: `0::/system.slice/docker-${A}.scope\n` }, [A]],
    ['cgroup v2, rootless', { cgroup: `0::/user.slice/user-1000.slice/user@1000.service/user.slice/docker-${A}.scope\n` }, [A]],
    ['cgroup v2 with its own namespace', { cgroup: '0::/\n', mountinfo: mounts(`/var/lib/docker/containers/${A}`) }, [A]],
    ['the engine’s data on a disk of its own', { cgroup: '0::/\n', mountinfo: mounts(`/containers/${A}`) }, [A]],
    ['Podman', { cgroup: '0::/\n', mountinfo: mounts(`/containers/storage/overlay-containers/${A}/userdata`) }, [A]],
    ['a pod of Kubernetes', { cgroup: `4:memory:/kubepods/besteffort/pod0e1c7e5e-57ab-4ba6-a47c-7d2b83b4e6a4/${A}\n` }, [A]],
    ['an engine within a container: the inner one', { cgroup: `4:memory:/docker/${A}/docker/${B}\n` }, [B]],
    ['a network shared with another container: the cgroup’s first', { cgroup: `4:memory:/docker/${A}\n`, mountinfo: mounts(`/var/lib/docker/containers/${B}`), hostname: 'film-1' }, [A, B]],
    ['a host name that is the id, cut', { cgroup: '0::/\n', hostname: A.slice(0, 12) }, [A.slice(0, 12)]],
    ['a host that runs containers', { cgroup: '0::/\n', mountinfo: `44 27 0:44 / /var/lib/docker/containers/${A}/mounts/shm rw - tmpfs shm rw\n45 27 0:45 / /var/lib/docker/overlay2/${B}/merged rw - overlay overlay rw\n`, hostname: 'vm' }, []],
    ['a unit of systemd', { cgroup: '0::/system.slice/docker.service\n', hostname: 'vm' }, []],
    ['a folder that only looks like an id', { cgroup: `0::/x${A}\n4:memory:/docker/${A}0\n` }, []],
    ['nothing to be read', {}, []],
  ])('%s', (_what, { cgroup = '', mountinfo = '', hostname = '' }, ids) => {
    expect(ownContainerIds({ cgroup, mountinfo, hostname })).toEqual(ids);
  });
});
