/**
 * The batches that one client has been told the end of, each by how many tasks it had then: a batch that went on with
 * further ones ends anew. Bounded; of one that it forgets the end would be told again.
 */
export class ToldBatches {
  private readonly totals = new Map<string, number>();

  constructor(private readonly capacity: number) {}

  /** Notes the end of a batch. False where it was told before. */
  tell(batchId: string, total: number): boolean {
    if (this.totals.get(batchId) === total) return false;
    this.totals.delete(batchId);
    this.totals.set(batchId, total);
    const oldest = this.totals.size > this.capacity ? this.totals.keys().next().value : undefined;
    if (oldest !== undefined) this.totals.delete(oldest);
    return true;
  }

  has(batchId: string): boolean {
    return this.totals.has(batchId);
  }
}
