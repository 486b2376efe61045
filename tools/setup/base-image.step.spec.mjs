// @ts-check
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostBase, importHostBase, parseLdd, planBaseFiles, shortReason } from './base-image.step.mjs';
import { dockerApi, dockerTarget } from './docker-api.mjs';

const GLIBC = `\tlinux-vdso.so.1 (0x00007f5a67601000)
\tlibdl.so.2 => /lib/x86_64-linux-gnu/libdl.so.2 (0x00007f5a675eb000)
\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f5a6701e000)
\tlibfoo.so.1 => /opt/foo/libfoo.so.1 (0x00007f5a6701e000)
\t/lib64/ld-linux-x86-64.so.2 (0x00007f5a67603000)
`;

describe('parseLdd', () => {
  test('glibc', () => {
    expect(parseLdd(GLIBC)).toEqual({
      libraries: [
        { name: 'libdl.so.2', path: '/lib/x86_64-linux-gnu/libdl.so.2' },
        { name: 'libc.so.6', path: '/lib/x86_64-linux-gnu/libc.so.6' },
        { name: 'libfoo.so.1', path: '/opt/foo/libfoo.so.1' },
        { name: 'ld-linux-x86-64.so.2', path: '/lib64/ld-linux-x86-64.so.2' },
      ],
      missing: [],
    });
  });
  test('musl, and a library that is not there', () => {
    expect(parseLdd('\t/lib/ld-musl-x86_64.so.1 (0x7f)\n\tlibc.musl-x86_64.so.1 => /lib/ld-musl-x86_64.so.1 (0x7f)\n\tlibgone.so => not found\n')).toEqual({
      libraries: [
        { name: 'ld-musl-x86_64.so.1', path: '/lib/ld-musl-x86_64.so.1' },
        { name: 'libc.musl-x86_64.so.1', path: '/lib/ld-musl-x86_64.so.1' },
      ],
      missing: ['libgone.so'],
    });
  });
});

test('planBaseFiles: usual folders stay, unusual ones go beside libc, what the image brings is left out', () => {
  const { libraries } = parseLdd(GLIBC);
  const files = planBaseFiles({
    node: '/usr/bin/node',
    libraries: [...libraries, { name: 'libvips.so', path: '/repo/dist/image/libvips.so' }],
    inside: ['/repo/dist/image'],
    exists: (path) => path.endsWith('libnss_dns.so.2'),
  });
  expect(files).toEqual([
    { to: '/lib/x86_64-linux-gnu/libc.so.6', from: '/lib/x86_64-linux-gnu/libc.so.6' },
    { to: '/lib/x86_64-linux-gnu/libdl.so.2', from: '/lib/x86_64-linux-gnu/libdl.so.2' },
    { to: '/lib/x86_64-linux-gnu/libfoo.so.1', from: '/opt/foo/libfoo.so.1' },
    { to: '/lib/x86_64-linux-gnu/libnss_dns.so.2', from: '/lib/x86_64-linux-gnu/libnss_dns.so.2' },
    { to: '/lib64/ld-linux-x86-64.so.2', from: '/lib64/ld-linux-x86-64.so.2' },
    { to: '/usr/local/bin/node', from: '/usr/bin/node' },
  ]);
});

test('shortReason keeps the end of the message', () => {
  expect(shortReason('Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io on 10.0.0.1:53: no such host')).toBe('no such host');
});

describe('an image made from this host', () => {
  const repository = 'function-runner/test-node-base';
  const tag = `t${process.pid}`;
  const image = `${repository}:${tag}`;
  const docker = dockerApi(dockerTarget(process.env).target);
  /** @type {string} */
  let tmp;

  beforeAll(async () => {
    tmp = mkdtempSync(join(tmpdir(), 'fr-base-'));
    const { files } = await hostBase([]);
    await importHostBase({ docker, files, repository, tag, tmp });
  });
  afterAll(async () => {
    await docker.removeImage(image);
    rmSync(tmp, { recursive: true, force: true });
  });

  /** @param {string} script @returns {Promise<{ code: number, output: string }>} */
  async function runNode(script) {
    const created = await docker.call('POST', '/containers/create', {
      // A terminal: its log comes without frames.
      json: { Image: image, Cmd: ['node', '-e', script], Tty: true, User: '1000:1000', HostConfig: { NetworkMode: 'none', ReadonlyRootfs: true, Tmpfs: { '/tmp': 'rw' } } },
    });
    const { Id } = JSON.parse(created.body.toString('utf8'));
    try {
      await docker.call('POST', `/containers/${Id}/start`);
      const waited = await docker.call('POST', `/containers/${Id}/wait`);
      const logs = await docker.call('GET', `/containers/${Id}/logs?stdout=1&stderr=1`);
      return { code: JSON.parse(waited.body.toString('utf8')).StatusCode, output: logs.body.toString('utf8').trim() };
    } finally {
      await docker.call('DELETE', `/containers/${Id}?force=1`);
    }
  }

  test('runs this node, read-only and as an ordinary user who has a name', async () => {
    const { code, output } = await runNode("const os = require('node:os'); require('node:crypto').randomBytes(8); require('node:fs').writeFileSync('/tmp/x', 'y'); console.log(JSON.stringify([process.version, process.execPath, os.userInfo().username, process.env.PATH.includes('/usr/local/bin')]))");
    expect({ code, output }).toEqual({ code: 0, output: JSON.stringify([process.version, '/usr/local/bin/node', 'node', true]) });
  });

  test('leaves nothing in the staging folder', () => {
    expect(readdirSync(tmp)).toEqual([]);
  });

  test('the same host gives the same tag', async () => {
    const [first, second] = await Promise.all([hostBase([]), hostBase([])]);
    expect(first.tag).toBe(second.tag);
    expect(first.tag).toMatch(/^[0-9a-f]{12}$/);
  });
});
