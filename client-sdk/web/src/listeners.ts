/** Ends a subscription. */
export type Unsubscribe = () => void;

/** Functions to call; one that throws does not keep the others from being called. */
export class Listeners<Arguments extends unknown[]> {
  private readonly functions = new Set<(...args: Arguments) => void>();

  add(listener: (...args: Arguments) => void): Unsubscribe {
    const own = (...args: Arguments) => listener(...args);
    this.functions.add(own);
    return () => this.functions.delete(own);
  }

  call(...args: Arguments): void {
    for (const listener of [...this.functions]) {
      try {
        listener(...args);
      } catch (error) {
        // Told as an uncaught error, as an event listener's would be.
        setTimeout(() => {
          throw error;
        });
      }
    }
  }
}
