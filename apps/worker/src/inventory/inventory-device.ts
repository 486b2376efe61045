/** A GPU of this host, as its memory is leased. */
export interface InventoryDevice {
  /** Its uuid, or a MIG instance's; `index-N` for a sick one that could not tell it. */
  id: string;
  name: string;
  /** Its memory, bytes; 0 while it never told. */
  sizeBytes: number;
  /** Memory that programs of others hold, bytes, as last measured. */
  foreignBytes: number;
  /** What may be leased of it: its size less what others hold and the headroom; 0 unless its health is `ok`. */
  totalBytes: number;
  /** `lost`: it was there and is no longer listed; `sick`: it is listed and cannot be used. What is leased of either drains. */
  health: 'ok' | 'lost' | 'sick';
  /** Of a device that is not `ok`. */
  why?: string;
  /** Memory in use by whatever program, bytes, where the driver tells. */
  usedBytes?: number;
  /** Per cent of the time in which it was busy, where the driver tells. */
  utilization?: number;
  /** Whether a container can be given it; a declared one exists in the books only. */
  real: boolean;
}
