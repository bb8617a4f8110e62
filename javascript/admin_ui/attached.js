// Which collections are attached to the log, as a superuser sees it.

const FRESH = 30_000; // ms that the answer is taken for granted, unless another page is opened

export class Attached {
  #app;
  #ask;
  #names;
  #until = 0;
  #shown = store({ names: [] });

  /** `read` resolves to the records of event_targets. */
  constructor(app, read) {
    this.#app = app;
    this.#ask = read;
    window.addEventListener("hashchange", () => this.forget());
    app.pb.authStore.onChange(() => this.forget());
  }

  /** Ask anew before the next use. */
  forget() {
    this.#until = 0;
  }

  /** Whether the collection of this name or id is attached. Throws if that can't be found out. */
  async has(name) {
    const names = await this.names();
    return names.includes(name) || names.includes(this.#app.store.collections.find(({ id }) => id === name)?.name);
  }

  /** The names of the attached collections. */
  async names() {
    if (Date.now() > this.#until) {
      this.#until = Date.now() + FRESH;
      this.#names = this.#ask().then((targets) => targets.map(({ collection }) => collection));
      this.#names.catch(() => this.forget());
    }
    const names = await this.#names;
    if (JSON.stringify(names) !== JSON.stringify(this.#shown.names)) this.#shown.names = names;
    return names;
  }

  /** Whether it was attached when somebody asked last. What is drawn with it is drawn anew when that changes. */
  shows = (collection) => this.#shown.names.includes(collection?.name);
}
