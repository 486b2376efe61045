// @ts-check
import { CPU, MEMORY, deviceOf, gpuResource } from '@function-runner/scheduling';
import { QUALITY_TIERS } from '@function-runner/pipeline-schema';

/** @typedef {import('@function-runner/scheduling').ClusterState} ClusterState */
/** @typedef {import('@function-runner/scheduling').Capacity} Capacity */
/** @typedef {import('@function-runner/scheduling').WarmContainer} WarmContainer */
/** @typedef {import('./read-trace.mjs').TraceTask} TraceTask */

/** A container: its lease, and for whom it may work. @typedef {{ leaseId: string, hostId: string, amounts: Readonly<Record<string, number>>, projectId: string }} Container */

/** A host whose lists may be changed here. @typedef {Omit<ClusterState['hosts'][number], 'warm' | 'devices'> & { devices: import('@function-runner/scheduling').DeviceState[], warm: WarmContainer[] }} SimulatedHost */

/**
 * The hosts of a trace while it is simulated.
 *
 * Owns the cluster's state, which policies read and nobody else changes, and the containers that hold its parts. What must
 * stay true, and is looked at after each change: what a device, or a host's cores and memory, has leased is what its
 * containers hold, and no more than there is; no tier runs more than its limit.
 */
export class SimulatedCluster {
  /** @type {{ hosts: SimulatedHost[], tiers: ClusterState['tiers'] }} */
  state;
  /** All containers by their lease. @type {Map<string, Container>} */
  #containers = new Map();
  /** @type {Map<string, { host: SimulatedHost, containers: Set<Container> }>} */
  #sites;
  /** Of tasks that run. @type {Map<string, string>} */
  #leaseOfTask = new Map();
  #pipelines;
  #warmLimit;
  /** What has a `reservedFor`. @type {readonly Capacity[]} */
  #kept = [];
  #leases = 0;

  /** @param {import('./read-trace.mjs').Trace} trace */
  constructor({ hosts, limits, pipelines, warm }) {
    this.#pipelines = pipelines;
    this.#warmLimit = warm.perHost;
    this.state = {
      hosts: hosts.map(({ name, devices, cpuMillis, memoryBytes }) => ({
        hostId: name,
        name,
        devices: devices.map(({ id, name: model, vramBytes }) => ({ id, name: model, total: vramBytes, leased: 0 })),
        cpu: { total: cpuMillis, leased: 0 },
        memory: { total: memoryBytes, leased: 0 },
        warm: [],
      })),
      tiers: /** @type {ClusterState['tiers']} */ (Object.fromEntries(QUALITY_TIERS.map((tier) => [tier, { running: 0, limit: limits[tier] }]))),
    };
    this.#sites = new Map(this.state.hosts.map((host) => [host.hostId, { host, containers: new Set() }]));
  }

  get running() {
    return this.#leaseOfTask.size;
  }

  /**
   * @param {TraceTask} task
   * @param {import('@function-runner/scheduling').Placed} placed
   * @returns {number} milliseconds until the task's own work begins
   */
  start(task, { hostId, amounts, warm, evict }) {
    for (const { leaseId } of evict) this.endIdle(leaseId);
    for (const resource of Object.keys(warm?.amounts ?? amounts)) {
      const { reservedFor = task.taskId } = this.#capacity(hostId, resource);
      if (reservedFor !== task.taskId) throw new Error(`${task.taskId} got ${resource}, which is kept for ${reservedFor}`);
    }
    let leaseId = warm?.leaseId;
    const pipeline = this.#pipelineOf(task.pipelineId);
    if (leaseId === undefined) {
      leaseId = `l${this.#leases}`;
      this.#leases += 1;
      this.#add({ leaseId, hostId, amounts, projectId: task.projectId });
    } else this.#takeIdle(leaseId, task);
    if (this.#leaseOfTask.has(task.taskId)) throw new Error(`${task.taskId} was started twice`);
    this.#leaseOfTask.set(task.taskId, leaseId);
    const tier = this.state.tiers[task.tier];
    tier.running += 1;
    if (tier.running > tier.limit) throw new Error(`${tier.running} tasks of the tier ${task.tier} run, more than ${tier.limit}`);
    this.#check(hostId);
    return warm === undefined ? pipeline.coldStartMs : 0;
  }

  /**
   * Keeps these resources for their tasks, and no others for anybody.
   * @param {readonly import('@function-runner/scheduling').Reservation[]} reservations
   * @returns {boolean} whether one that was kept is not any more
   */
  keepFor(reservations) {
    const kept = new Map(reservations.flatMap(({ task, hostId, resources }) => resources.map((resource) => [this.#capacity(hostId, resource), task.taskId])));
    let isFreed = false;
    for (const capacity of this.#kept) {
      if (kept.get(capacity) === capacity.reservedFor) continue;
      delete capacity.reservedFor;
      isFreed = true;
    }
    for (const [capacity, taskId] of kept) capacity.reservedFor = taskId;
    this.#kept = [...kept.keys()];
    return isFreed;
  }

  /**
   * @param {TraceTask} task
   * @param {number} now
   * @returns {string | undefined} the lease of its container, where that stays warm
   */
  end(task, now) {
    const leaseId = this.#leaseOfTask.get(task.taskId);
    const container = leaseId === undefined ? undefined : this.#containers.get(leaseId);
    if (leaseId === undefined || container === undefined) throw new Error(`${task.taskId} ended without a lease`);
    this.#leaseOfTask.delete(task.taskId);
    this.state.tiers[task.tier].running -= 1;
    const { warm } = this.#pipelineOf(task.pipelineId);
    const host = this.#site(container.hostId).host;
    if (warm === undefined || this.#warmLimit === 0) this.#remove(container);
    else {
      // The list is in the order of idleness; the one that has been idle longest goes.
      if (host.warm.length >= this.#warmLimit && host.warm[0]) this.endIdle(host.warm[0].leaseId);
      host.warm.push({
        leaseId, workerId: container.hostId, pipelineId: task.pipelineId, projectId: warm === 'any' ? undefined : container.projectId,
        devices: Object.keys(container.amounts).flatMap((resource) => deviceOf(resource) ?? []), amounts: container.amounts, idleSince: now, pinned: false,
      });
    }
    this.#check(container.hostId);
    return this.#containers.has(leaseId) ? leaseId : undefined;
  }

  /**
   * Ends an idle container, if it is idle since then.
   * @param {string} leaseId
   * @param {number} [since] any time where it is left out
   */
  endIdle(leaseId, since) {
    const container = this.#containers.get(leaseId);
    const host = container && this.#site(container.hostId).host;
    const place = host?.warm.findIndex((warm) => warm.leaseId === leaseId && (since === undefined || warm.idleSince === since)) ?? -1;
    if (container === undefined || host === undefined || place < 0) {
      if (since === undefined) throw new Error(`${leaseId} was to be ended and is not idle`);
      return false;
    }
    host.warm.splice(place, 1);
    this.#remove(container);
    this.#check(container.hostId);
    return true;
  }

  /** @param {string} leaseId @param {TraceTask} task */
  #takeIdle(leaseId, task) {
    const container = this.#containers.get(leaseId);
    const host = container && this.#site(container.hostId).host;
    const place = host?.warm.findIndex((warm) => warm.leaseId === leaseId) ?? -1;
    const warm = host?.warm[place];
    if (warm === undefined || warm.pipelineId !== task.pipelineId || (warm.projectId !== undefined && warm.projectId !== task.projectId)) throw new Error(`${leaseId} is no warm container for ${task.taskId}`);
    host?.warm.splice(place, 1);
  }

  /** @param {Container} container */
  #add(container) {
    this.#containers.set(container.leaseId, container);
    this.#site(container.hostId).containers.add(container);
    this.#change(container.hostId, container.amounts, 1);
  }

  /** @param {Container} container */
  #remove(container) {
    this.#containers.delete(container.leaseId);
    this.#site(container.hostId).containers.delete(container);
    this.#change(container.hostId, container.amounts, -1);
  }

  /** @param {string} hostId @param {Readonly<Record<string, number>>} amounts @param {1 | -1} sign */
  #change(hostId, amounts, sign) {
    for (const [resource, amount] of Object.entries(amounts)) this.#capacity(hostId, resource).leased += sign * amount;
  }

  /** @param {string} hostId */
  #site(hostId) {
    const site = this.#sites.get(hostId);
    if (site === undefined) throw new Error(`there is no host ${hostId}`);
    return site;
  }

  /** @param {string} hostId @param {string} resource @returns {Capacity} */
  #capacity(hostId, resource) {
    const host = this.#site(hostId).host;
    const deviceId = deviceOf(resource);
    const capacity = resource === CPU ? host.cpu : resource === MEMORY ? host.memory : host.devices.find(({ id }) => id === deviceId);
    if (capacity === undefined) throw new Error(`${hostId} has no ${resource}`);
    return capacity;
  }

  /** @param {string} pipelineId */
  #pipelineOf(pipelineId) {
    const pipeline = this.#pipelines.get(pipelineId);
    if (pipeline === undefined) throw new Error(`there is no pipeline ${pipelineId}`);
    return pipeline;
  }

  /** Adds up what the host's containers hold, anew. @param {string} hostId */
  #check(hostId) {
    /** @type {Map<string, number>} */
    const held = new Map();
    const { host, containers } = this.#site(hostId);
    for (const { amounts } of containers) {
      for (const [resource, amount] of Object.entries(amounts)) held.set(resource, (held.get(resource) ?? 0) + amount);
    }
    const { devices, cpu, memory } = host;
    for (const [resource, { leased, total }] of /** @type {[string, Capacity][]} */ ([[CPU, cpu], [MEMORY, memory], ...devices.map((device) => [gpuResource(device.id), device])])) {
      if (leased !== (held.get(resource) ?? 0)) throw new Error(`${resource} of ${hostId}: ${leased} leased, but ${held.get(resource) ?? 0} held`);
      if (leased > total) throw new Error(`${resource} of ${hostId}: ${leased} leased of ${total}`);
    }
  }
}
