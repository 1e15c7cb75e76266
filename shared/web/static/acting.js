// A person has touched this page, and has chosen an answer: each is told once. Who only fetches it tells nothing.
(() => {
  const [link] = location.pathname.match(/^\/c\/[^/]+/) || [];
  if (!link) return;
  const once = (what, events, counts = () => true) => {
    const tell = ({ isTrusted, target }) => {
      if (!isTrusted || !counts(target)) return;
      events.forEach((name) => document.removeEventListener(name, tell, true));
      navigator.sendBeacon(`${link}/${what}`);
    };
    events.forEach((name) => document.addEventListener(name, tell, { capture: true, passive: true }));
  };
  once("opened", ["pointerdown", "keydown", "wheel", "touchmove"]);
  once("begun", ["change"], ({ name }) => /^(answers|texts)\./.test(name)); // large type is no answer
})();
