/** Runs of models in a worker of this page. */

const BROKEN = { message: "This browser cannot run the models, so only recorded runs can be shown." };

let count = 0;

/** A worker that computes one run at a time. */
export class Runner {
  constructor() {
    this.worker = new Worker("worker.js", { type: "module" });
    this.worker.onmessage = ({ data }) => {
      if (data.type === "loading") this.listener?.loading(data.share);
      else if (data.id === this.id) this.listener[data.type](data);
    };
    this.worker.onerror = () => {
      this.isBroken = true;
      this.listener?.failed(BROKEN);
    };
  }

  /**
   * Starts a run, which ends the one before. `request` is {model, inputs, freeze}. The functions of `listener` are
   * loading(share), step({payload}), end({seconds}) and failed({message}).
   */
  run(request, listener) {
    Object.assign(this, { listener, id: ++count });
    if (this.isBroken) return listener.failed(BROKEN);
    this.worker.postMessage({
      type: "run",
      id: this.id,
      ...request,
      model: new URL(`models/${request.model}`, location.href).href,
    });
  }

  stop() {
    this.id = null;
    this.worker.postMessage({ type: "stop" });
  }
}

/** Why the models cannot run in this browser; "" if they can. */
export function obstacle() {
  if (typeof WebAssembly !== "object")
    return "This browser has no WebAssembly, so only recorded runs can be shown.";
  if (typeof Worker !== "function") return "This browser has no workers, so only recorded runs can be shown.";
  return "";
}
