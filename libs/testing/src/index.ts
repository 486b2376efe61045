export { waitFor } from './wait-for.js';
export { freePort } from './free-port.js';
export { RedisFixture } from './redis-fixture.js';
