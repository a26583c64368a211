(() => {
  const by = id => document.getElementById(id), tests = [...document.querySelectorAll("article.test")];
  const words = tests.map(test => test.textContent.toLowerCase());
  const show = () => {
    const text = by("find").value.toLowerCase(), bad = by("bad").checked;
    let shown = 0;
    tests.forEach((test, at) => {
      const fits = words[at].includes(text) && !(bad && test.querySelector("h3 .badge.pass"));
      test.hidden = !fits;
      shown += fits;
    });
    by("found").textContent = shown === tests.length ? "" : `${shown} of ${tests.length} tests`;
  };
  by("tools").hidden = false;
  by("find").addEventListener("input", show);
  by("bad").addEventListener("change", show);
  by("all").addEventListener("click", () => {
    const closed = document.querySelectorAll("details:not([open])");
    (closed.length ? closed : document.querySelectorAll("details")).forEach(one => { one.open = closed.length > 0; });
  });
})();
