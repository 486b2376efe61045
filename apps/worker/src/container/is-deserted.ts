import type { FoundContainer } from './container-engine.port.js';

/** Whether a serving container has no owner: its worker is another one, and dead. Pure. */
export function isDeserted(container: FoundContainer, ownWorkerId: string, ownerAlive: boolean): boolean {
  return container.workerId !== ownWorkerId && !ownerAlive;
}
