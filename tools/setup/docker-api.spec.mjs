// @ts-check
import { describe, expect, test } from '@jest/globals';
import { dockerTarget } from './docker-api.mjs';

const nothing = () => false;

describe('dockerTarget', () => {
  test('the default socket, even when it is not there', () => {
    expect(dockerTarget({ HOME: '/h' }, nothing)).toEqual({ target: { kind: 'socket', path: '/var/run/docker.sock' }, dockerHost: 'unix:///var/run/docker.sock', given: false });
  });
  test('a rootless engine of this user', () => {
    expect(dockerTarget({ HOME: '/h', XDG_RUNTIME_DIR: '/run/user/1' }, (path) => path === '/run/user/1/docker.sock')).toMatchObject({ dockerHost: 'unix:///run/user/1/docker.sock', given: false });
  });
  test('DOCKER_HOST', () => {
    expect(dockerTarget({ DOCKER_HOST: 'unix:///tmp/d.sock' }, nothing)).toMatchObject({ target: { kind: 'socket', path: '/tmp/d.sock' }, given: true });
    expect(dockerTarget({ DOCKER_HOST: 'tcp://10.0.0.1' }, nothing).target).toEqual({ kind: 'tcp', host: '10.0.0.1', port: 2375 });
    expect(dockerTarget({ DOCKER_HOST: 'tcp://[::1]:99' }, nothing).target).toEqual({ kind: 'tcp', host: '::1', port: 99 });
  });
  test('what it can not use is refused with the mend', () => {
    expect(() => dockerTarget({ DOCKER_HOST: 'ssh://me@host' }, nothing)).toThrow("DOCKER_HOST=ssh://me@host can't be used.");
  });
});
