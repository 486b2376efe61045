import { amountTexts } from './amounts.js';
import type { Lease, LeasePurpose, LeaseRequest } from './lease.js';

/** A lease as it is stored; see `book.lua.ts` for why amounts and facts are strings. */
interface LeaseRecord {
  holder: string;
  purpose: LeasePurpose;
  taskId: string;
  pipelineId: string;
  projectId?: string;
  amounts: Record<string, string>;
  facts?: string;
  attempt?: number;
}

/** The text under which a lease is stored. @throws RangeError for an amount that is none. */
export function recordText({ holder, purpose, taskId, pipelineId, projectId, amounts, facts }: LeaseRequest): string {
  const held = amountTexts(amounts).filter(([, digits]) => digits !== '0');
  const record: LeaseRecord = { holder, purpose, taskId, pipelineId, amounts: Object.fromEntries(held) };
  if (projectId !== undefined) record.projectId = projectId;
  if (facts !== undefined) record.facts = JSON.stringify(facts);
  return JSON.stringify(record);
}

/** A lease from what is stored of it. `now` and `expiresAt` in milliseconds of Redis's clock. */
export function parseLease(id: string, text: string, expiresAt: number, now: number): Lease {
  const { amounts, facts, ...rest } = JSON.parse(text) as LeaseRecord;
  return {
    id, ...rest, expiresAt, expired: expiresAt <= now,
    amounts: Object.fromEntries(Object.entries(amounts).map(([resource, digits]) => [resource, Number(digits)])),
    ...(facts === undefined ? {} : { facts: JSON.parse(facts) as Record<string, unknown> }),
  };
}
