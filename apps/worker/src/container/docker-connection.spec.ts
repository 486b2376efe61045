import { dockerConnection } from './docker-connection.js';

describe('dockerConnection', () => {
  it.each([
    [undefined, { socketPath: '/var/run/docker.sock' }],
    ['unix:///run/user/1000/docker.sock', { socketPath: '/run/user/1000/docker.sock' }],
    ['tcp://10.0.0.1:2375', { protocol: 'http', host: '10.0.0.1', port: 2375 }],
    ['tcp://build-host', { protocol: 'http', host: 'build-host', port: 2375 }],
    ['http://build-host:8080', { protocol: 'http', host: 'build-host', port: 8080 }],
    ['https://build-host:2376', { protocol: 'https', host: 'build-host', port: 2376 }],
  ])('reads %s', (text, expected) => {
    expect(dockerConnection(text)).toEqual(expected);
  });

  it.each(['ssh://host', 'npipe:////./pipe/docker_engine'])('refuses %s and says what it takes', (text) => {
    expect(() => dockerConnection(text)).toThrow(`DOCKER_HOST must be unix:///path or tcp://host:port, not "${text}"`);
  });

  it('refuses what is no address at all', () => {
    expect(() => dockerConnection('/var/run/docker.sock')).toThrow();
  });
});
