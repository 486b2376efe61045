import { holdsMount } from './holds-mount.js';

const line = (point: string): string => `36 35 98:0 /mnt1 ${point} rw,noatime master:1 - ext3 /dev/root rw,errors=continue`;
const MOUNTS = [line('/'), line('/srv/work'), line('/srv/work/Film/plates'), line('/srv/work/My\\040Film'), line('/srv/work/Other.old'), ''].join('\n');

describe('holdsMount', () => {
  it.each<[string, string, boolean]>([
    ['a folder in which something is mounted', '/srv/work/Film', true],
    ['a folder that is itself mounted', '/srv/work/Film/plates', true],
    ['one whose name is written with an escape', '/srv/work/My Film', true],
    ['one below a mount', '/srv/work/Third', false],
    ['one whose name begins another’s', '/srv/work/Other', false],
    ['one that only looks like the escape', '/srv/work/My\\040Film', false],
  ])('%s', (_, folder, expected) => expect(holdsMount(MOUNTS, folder)).toBe(expected));

  it('of nothing known: nothing', () => expect(holdsMount('', '/srv')).toBe(false));
});
