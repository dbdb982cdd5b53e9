// Search in pages that were opened as files. Browsers start no worker for a page without a server; this runs the
// worker's script in a hidden frame instead. It has what the theme's search uses of a Worker, for one language.
if (location.protocol === "file:")
  window.Worker = class extends EventTarget {
    #inside; // the frame's window once the script has run
    #waiting = []; // messages that were sent before

    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.append(frame);
      const inside = frame.contentWindow;
      inside.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
      const script = inside.document.createElement("script");
      script.src = url;
      script.onload = () => {
        this.#inside = inside;
        this.#waiting.forEach((data) => this.postMessage(data));
      };
      inside.document.body.append(script);
    }

    postMessage(data) {
      if (!this.#inside) this.#waiting.push(data);
      else this.#inside.dispatchEvent(new MessageEvent("message", { data }));
    }
  };
