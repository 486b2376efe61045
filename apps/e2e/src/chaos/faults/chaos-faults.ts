import type { CutOffClients } from '../clients/cut-off-clients.js';
import type { PlannedFault } from '../plan/plan-chaos.js';
import type { ChaosStage } from '../stage/chaos-stage.js';
import type { SupervisedApp } from '../stage/supervised-app.js';
import { freezeApp, killApp, killWorker, rollApp } from './app-faults.js';
import { dockerFaults } from './docker-faults.js';
import { redisFaults } from './redis-faults.js';
import { targetOf, type Strike } from './strike-faults.js';

/** Finds for each fault whom it strikes on this stage, and how. */
export function chaosFaults(stage: ChaosStage, cutOffClients: CutOffClients): (fault: PlannedFault) => Strike {
  const redis = redisFaults(stage);
  const docker = dockerFaults(stage);
  return (fault) => {
    const target = targetOf(fault, { api: stage.apis.length, worker: stage.workers.length });
    const app = (): SupervisedApp => {
      const found = stage.apps.find(({ title }) => title === target);
      if (found === undefined) throw new Error(`there is no ${target}`);
      return found;
    };
    switch (fault.kind) {
      case 'worker-killed':
        return { target, inflict: () => killWorker(app(), stage) };
      case 'api-killed':
        return { target, inflict: () => killApp(app()) };
      case 'worker-rolled':
      case 'api-rolled':
        return { target, inflict: () => rollApp(app()) };
      case 'worker-frozen':
      case 'api-frozen':
        return { target, inflict: () => freezeApp(app(), fault.lastsMs) };
      case 'clients-cut-off':
        return { target, inflict: () => cutOffClients() };
      case 'docker-restarted':
      case 'docker-killed':
      case 'docker-frozen':
      case 'docker-connections-cut':
      case 'docker-stalled':
      case 'container-killed': {
        const inflict = docker[fault.kind];
        return { target, inflict: () => inflict(fault) };
      }
      case 'redis-restarted':
      case 'redis-killed':
      case 'redis-frozen':
      case 'redis-slow':
      case 'redis-half-open':
      case 'redis-connections-cut':
      case 'redis-pubsub-killed':
      case 'redis-scripts-flushed':
      case 'redis-full':
      case 'job-lock-deleted': {
        const inflict = redis[fault.kind];
        return { target, inflict: () => inflict(fault) };
      }
    }
  };
}
