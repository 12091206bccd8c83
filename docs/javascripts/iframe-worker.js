// Pages opened from a disk may start no worker, so the search's one runs in a hidden frame there.
// The theme would load a script for this from another host.
if (location.protocol === "file:") {
  // For each of these the theme would ask for a sitemap, which a page from a disk may not read.
  document.querySelectorAll("link[rel=alternate]").forEach((link) => link.remove());

  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.append(frame);
      const scope = frame.contentWindow;
      const load = (source) =>
        new Promise((done, failed) => {
          const script = scope.document.createElement("script");
          script.src = source;
          script.onload = done;
          script.onerror = failed;
          scope.document.body.append(script);
        });
      scope.importScripts = (...sources) =>
        sources.reduce((before, source) => before.then(() => load(source)), Promise.resolve());
      scope.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
      this.scope = scope;
      this.loaded = load(url);
    }

    postMessage(data) {
      this.loaded.then(() => this.scope.dispatchEvent(new MessageEvent("message", { data })));
    }

    terminate() {
      this.scope.frameElement.remove();
    }
  };
}
