/* Before the first paint: the colour scheme that the account, or else the machine, prefers. */
(function () {
  "use strict";
  var root = document.documentElement;
  var machine = window.matchMedia("(prefers-color-scheme: dark)");
  function apply() {
    var wish = root.dataset.theme;
    root.dataset.mantineColorScheme = wish === "light" || wish === "dark" ? wish : machine.matches ? "dark" : "light";
  }
  apply();
  machine.addEventListener("change", apply);
  window.dacsApplyTheme = apply;
  // Plotly's smaller bundle: Dash sets the address of its own 4.8 MB one, which this replaces.
  Object.defineProperty(window, "_dashPlotlyJSURL", {
    get: function () { return "/assets/vendor/plotly-basic-4.1.1.min.js"; },
    set: function () {},
  });
})();
