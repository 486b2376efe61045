export { LeaseBook } from './lease-book.js';
export type { AcquireOutcome, Adoption } from './lease-book.js';
export type { Amounts } from './amounts.js';
export type { BookState, Reservation } from './book-state.js';
export type { Lease, LeasePurpose, LeaseRequest } from './lease.js';
export { ClusterReader } from './cluster-reader.js';
export { hostStateOf } from './host-state-of.js';
export type { HostIdentity } from './host-state-of.js';
