/** A stream to which chunks are pushed, as those of a model come. */
export class Source<Chunk> {
  readonly stream: ReadableStream<Chunk>;
  #controller: ReadableStreamDefaultController<Chunk> | undefined;

  constructor() {
    this.stream = new ReadableStream({
      start: (controller) => {
        this.#controller = controller;
      },
    });
  }

  send(chunk: Chunk): void {
    this.#controller?.enqueue(chunk);
  }

  end(): void {
    this.#controller?.close();
  }
}
