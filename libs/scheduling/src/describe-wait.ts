import { bytesInWords, coresInWords } from './sizes-in-words.js';
import type { WaitReason } from './wait-reason.js';

/** Why a task waits, for people. */
export function describeWait(reason: WaitReason): string {
  switch (reason.kind) {
    case 'next':
      return 'next in line';
    case 'tier-limit':
      if (reason.limit <= 0) return `no ${reason.tier} task may run`;
      return `${reason.limit} ${reason.tier} ${reason.limit === 1 ? 'task runs' : 'tasks run'}, as many as may at once`;
    case 'capacity':
      return `waiting for ${amountInWords(reason)} on host ${reason.hostName}`;
    case 'reserved':
      return `what is free on host ${reason.hostName} is kept for a task that has waited longer`;
    case 'no-capable-host':
      return `no host can run it: ${reason.detail}`;
    case 'no-host':
      return 'no worker is there';
  }
}

function amountInWords({ resource, needed, gpus }: Extract<WaitReason, { kind: 'capacity' }>): string {
  switch (resource) {
    case 'gpu':
      return gpus > 1 ? `${gpus} × ${bytesInWords(needed)}` : bytesInWords(needed);
    case 'cpu':
      return coresInWords(needed);
    case 'memory':
      return `${bytesInWords(needed)} of memory`;
  }
}
