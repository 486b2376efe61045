/** A bounded memory of ids: the newest are known, older ones forgotten. */
export class RecentIds {
  private readonly ids = new Set<string>();

  constructor(private readonly capacity: number) {}

  add(id: string): void {
    this.ids.delete(id);
    this.ids.add(id);
    const oldest = this.ids.size > this.capacity ? this.ids.values().next().value : undefined;
    if (oldest !== undefined) this.ids.delete(oldest);
  }

  delete(id: string): void {
    this.ids.delete(id);
  }

  has(id: string): boolean {
    return this.ids.has(id);
  }
}
