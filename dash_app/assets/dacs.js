/* What must happen in the browser: keys, addresses, the live list, provenance clicks. No data is kept here. */
(function () {
  "use strict";
  var LIVE_MS = 2000;
  var none = function () { return window.dash_clientside.no_update; };
  var set = function (id, props) { window.dash_clientside.set_props(id, props); };
  var byId = function (id) { return document.getElementById(id); };

  // Move within the app as a link of Dash does, so that back and forward work.
  function go(href) {
    if (href === location.pathname + location.search) return;
    history.pushState({}, "", href);
    window.dispatchEvent(new CustomEvent("_dashprivate_pushstate"));
  }

  function withParameters(changes) {
    var said = new URLSearchParams(location.search);
    Object.keys(changes).forEach(function (name) {
      if (changes[name]) said.set(name, changes[name]); else said.delete(name);
    });
    said.delete("page");
    said.delete("beyond");
    var text = said.toString();
    return location.pathname + (text ? "?" + text : "");
  }

  // ---- what the index brought along needs no journey: Dash asks for it as ever, and is answered from here ------------
  (function () {
    var held = byId("dacs-start"), ask = window.fetch;
    if (!held) return;
    var answers = JSON.parse(held.textContent), page = answers["_dash-update-component"];
    delete answers["_dash-update-component"];
    function pageOf(asked) {
      if (asked.output !== page.output) return null;
      var found = asked.inputs[0].value === page.pathname && asked.state[0].value === page.search && page.answer;
      page = null;
      return found;
    }
    window.fetch = function (url, options) {
      var name = String(url).replace(/\?.*$/, "").replace(/^.*\//, ""), answer = answers[name];
      if (page && name === "_dash-update-component") answer = pageOf(JSON.parse(options.body));
      if (!answer) return ask.apply(window, arguments);
      delete answers[name];
      return Promise.resolve(new Response(JSON.stringify(answer), { headers: { "Content-Type": "application/json" } }));
    };
  })();

  // ---- what may name a patient stands in the address sealed, and is opened again for its field --------------------
  var NAMING = { q: 1, patient: 1, accession: 1 }, opened = {}, tokens = {};
  function plain(name, text) {
    return NAMING[name] && text && text.charAt(0) === "~" ? opened[text] || "" : text || "";
  }

  function csrf() {
    return (document.cookie.match(/(?:^|; )_csrf_token=([^;]*)/) || [])[1] || "";
  }

  function ask(path, values, then) {
    fetch(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": csrf() },
      body: JSON.stringify(values),
    }).then(function (answer) { return answer.ok ? answer.json() : {}; }, function () { return {}; }).then(then);
  }

  function sendTable(file, box) {
    box.classList.add("busy");
    fetch("/imports/upload", {
      method: "POST",
      headers: {
        "Content-Type": "application/octet-stream", "X-CSRFToken": csrf(), "X-DACS-File-Name": encodeURIComponent(file.name),
      },
      body: file,
    }).then(function (answer) { return answer.json(); }).catch(function () { return {}; }).then(function (said) {
      box.classList.remove("busy");
      if (said.href) return go(said.href);
      var text = said.error || box.dataset.trouble;
      set("imports-answer", { children: {
        namespace: "dash_html_components", type: "Div", props: { className: "message bad", children: text },
      } });
    });
  }

  function learn(token, text) {
    opened[token] = text;
    if (text) tokens[text] = token;
  }

  function sealed(changes, then) {
    var wanted = {};
    Object.keys(changes).forEach(function (name) {
      var text = changes[name];
      if (!NAMING[name] || !text) return;
      if (tokens[text]) changes[name] = tokens[text]; else wanted[name] = text;
    });
    if (!Object.keys(wanted).length) return then(changes);
    ask("/filters/seal", wanted, function (answer) {
      Object.keys(wanted).forEach(function (name) {
        changes[name] = answer[name] || "";
        if (answer[name]) learn(answer[name], wanted[name]);
      });
      then(changes);
    });
  }

  // Lines of at most so many letters, broken between words.
  function wrapped(lines, most) {
    var found = [];
    lines.forEach(function (line) {
      var row = "";
      line.split(" ").forEach(function (word) {
        if (row && row.length + word.length >= most) {
          found.push(row);
          row = "";
        }
        row += (row && " ") + word;
      });
      found.push(row);
    });
    return found;
  }

  function openUnknown(said) {
    var unknown = {};
    Object.keys(NAMING).forEach(function (name) {
      var token = said.get(name) || "";
      if (token.charAt(0) === "~" && !(token in opened)) unknown[name] = token;
    });
    if (Object.keys(unknown).length)
      ask("/filters/open", unknown, function (answer) {
        Object.keys(unknown).forEach(function (name) { learn(unknown[name], answer[name] || ""); });
        window.dash_clientside.dacs.follow();
      });
    return unknown;
  }

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.dacs = {
    title: function (title) {
      if (title) document.title = title + " · DACS";
      return none();
    },

    speak: function (wish) {
      if (wish) location.href = "/language/" + wish.language + "?next=/account";
      return none();
    },

    wishTheme: function (wish) {
      if (wish && wish !== document.documentElement.dataset.theme) turnTheme(wish);
      return none();
    },

    // Controls -> address. Only the control that was touched counts: the others may still be following the address.
    filters: function (values, ids) {
      if (!FILTERED[location.pathname] || !ids.length) return none();
      var said = new URLSearchParams(location.search), changes = {}, differs = false;
      var touched = window.dash_clientside.callback_context.triggered.map(function (one) {
        return JSON.parse(one.prop_id.slice(0, one.prop_id.lastIndexOf("."))).name;
      });
      ids.forEach(function (id, i) {
        var value = (values[i] || "").trim();
        if (touched.indexOf(id.name) < 0 || value === plain(id.name, said.get(id.name)).trim()) return;
        changes[id.name] = value;
        differs = true;
      });
      if (differs) sealed(changes, function (told) { go(withParameters(told)); });
      return none();
    },

    // A table of former doses: the file is the body of the request, and answers where it can be looked at.
    upload: function () {
      var place = byId("import-file-place"), box = byId("import-upload");
      if (!place || place.firstChild) return "yes";
      var input = document.createElement("input");
      input.type = "file"; input.id = "import-file"; input.className = "hidden"; input.accept = ".csv,.txt,.tsv,.xlsx";
      input.addEventListener("change", function () { if (input.files.length) sendTable(input.files[0], box); });
      place.appendChild(input);
      box.addEventListener("dragover", function (event) { event.preventDefault(); });
      box.addEventListener("drop", function (event) {
        event.preventDefault();
        if (event.dataTransfer.files.length) sendTable(event.dataTransfer.files[0], box);
      });
      return "yes";
    },

    // A mark of a chart -> the studies behind it.
    open_mark: function (click) {
      var target = click && click.points && click.points[0] && click.points[0].customdata;
      if (typeof target === "string" && target.charAt(0) === "/") go(target);
      return none();
    },

    // The same for many charts: the one that was pressed.
    open_mark_of: function () {
      var changed = window.dash_clientside.callback_context.triggered[0];
      return window.dash_clientside.dacs.open_mark(changed && changed.value);
    },

    open_marks: function () {
      var pressed = window.dash_clientside.callback_context.triggered[0];
      return window.dash_clientside.dacs.open_mark(pressed && pressed.value);
    },

    // The chart as a picture for documents: on white, with what it shows as its title, and whom, when and which levels.
    picture: function (said) {
      var plot = said && document.querySelector("#" + said.chart + " .js-plotly-plot");
      if (!plot) return none();
      var layout = JSON.parse(JSON.stringify(plot.layout)), size = plot.getBoundingClientRect();
      layout.paper_bgcolor = layout.plot_bgcolor = "#ffffff";
      layout.font = { color: "#15212b", size: 12 };
      var told = wrapped([said.title].concat((layout.meta || {}).caption || []), Math.max(24, size.width / 6.5));
      var higher = 18 * told.length + 14, height = Math.round(size.height) + higher;
      layout.title = {
        text: told.map(function (line, n) {
          line = line.replace(/&/g, "&amp;").replace(/</g, "&lt;");
          return n ? line : "<b>" + line + "</b>";
        }).join("<br>"),
        font: { size: 12 }, x: 0.01, xanchor: "left", y: 1 - 12 / height, yref: "container", yanchor: "top",
      };
      layout.margin = Object.assign({}, layout.margin, { t: (layout.margin.t || 0) + higher });
      delete layout.meta;
      window.Plotly.downloadImage({ data: plot.data, layout: layout }, {
        format: "png", scale: 2, width: Math.round(size.width), height: height, filename: said.name,
      });
      return none();
    },

    // Address -> controls: after back, forward, a removed chip.
    follow: function () {
      var said = new URLSearchParams(location.search), unknown = openUnknown(said);
      var ownDays = location.pathname.indexOf("/levels/") === 0;  // periods there stand in their fields without an address
      if (FILTERED[location.pathname]) {
        ["from", "to", "modality", "device", "state", "patient", "accession", "protocol", "description",
          "measure", "by", "chart", "over", "find", "site", "procedure", "kind", "before", "beforeto", "after", "afterto", "other", "on", "year", "against", "channel", "severity", "of", "sort"].forEach(
          function (name) {
            var value = plain(name, said.get(name));
            if (unknown[name] || ((KEPT[name] || (ownDays && !SELECTS[name])) && !value)) return;
            if (document.querySelector('[id*=\'"name":"' + name + '","type":"filter"\']'))
              set({ type: "filter", name: name }, { value: value || (SELECTS[name] ? null : "") });
          });
      }
      var box = byId("search");
      if (box && box !== document.activeElement && !unknown.q) set("search", { value: plain("q", said.get("q")) });
      closeMenus();
      return none();
    },
  };
  var SELECTS = { modality: 1, device: 1, state: 1, by: 1, site: 1, procedure: 1, other: 1, channel: 1, severity: 1, of: 1 };
  var KEPT = { sort: 1, measure: 1, chart: 1, over: 1, kind: 1, against: 1 };  // controls that show what is meant where the address says nothing
  var FILTERED = { "/studies": 1, "/names": 1, "/names/procedures": 1, "/quality": 1, "/statistics": 1, "/today": 1, "/levels/compliance": 1, "/levels/comparison": 1, "/levels/comparison/change": 1, "/levels/benchmark": 1, "/notices": 1, "/alerts": 1 };  // pages whose filters are parameters of their address

  // ---- paper: what is folded on the screen is unfolded on a sheet --------------------------------------------
  window.addEventListener("beforeprint", function () {
    document.querySelectorAll(".compliance details:not([open])").forEach(function (one) {
      one.open = true;
      one.dataset.folded = "1";
    });
  });
  window.addEventListener("afterprint", function () {
    document.querySelectorAll("details[data-folded]").forEach(function (one) {
      one.open = false;
      delete one.dataset.folded;
    });
  });

  // ---- live list --------------------------------------------------------------------------------------------
  var asked = 0, heard = 0;
  function poll() {
    var body = byId("studies-body");
    if (document.visibilityState !== "visible" || !body || !body.dataset.version) return;  // "0": an empty list waits too
    var since = Math.max(heard, Number(body.dataset.version));
    fetch("/live/studies?since=" + since, { headers: { Accept: "application/json" } })
      .then(function (answer) {
        if (answer.status === 401) location.reload();
        return answer.ok ? answer.json() : null;
      })
      .then(function (said) {
        stale(!said);
        if (said && said.changed) arrived(said.version); else if (said) heard = said.version;
      })
      .catch(function () { stale(true); });
  }

  // ---- banners: asked for every few seconds by a page that somebody looks at, made anew when there is something else ----
  var BANNERS_MS = 5000;
  function pollBanners() {
    var body = byId("banners");
    if (document.visibilityState !== "visible" || !body || body.dataset.mark === undefined) return;
    fetch("/live/banners", { headers: { Accept: "application/json" } })
      .then(function (answer) { return answer.ok ? answer.json() : null; })
      .then(function (said) {
        if (said && said.mark !== byId("banners").dataset.mark) set("banners-asked", { data: said.mark });
        if (said && said.waits !== byId("rail").dataset.waits) set("rail-asked", { data: said.waits });
      })
      .catch(function () {});  // the next question comes soon
  }
  setInterval(pollBanners, BANNERS_MS);
  document.addEventListener("visibilitychange", pollBanners);

  // At the top of the newest studies the list renews itself; whoever reads further down is told and left alone.
  function arrived(version) {
    if (version <= asked) return;
    asked = version;
    var said = new URLSearchParams(location.search);
    var reading = window.scrollY > 160 || said.has("page") || said.has("sort");
    set(reading ? "studies-asked" : "live", { data: version });
    if (!reading) set("studies-new", { children: null });
  }

  var lastHeard = Date.now();
  function stale(silent) {
    if (!silent) lastHeard = Date.now();
    document.documentElement.classList.toggle("stale", silent && Date.now() - lastHeard > 15000);
  }
  setInterval(poll, LIVE_MS);
  document.addEventListener("visibilitychange", poll);

  // ---- keys and clicks ----------------------------------------------------------------------------------------
  function closeMenus(but) {
    document.querySelectorAll("details.menu-button[open]").forEach(function (menu) {
      if (menu !== but) menu.open = false;
    });
  }

  // ---- charts by keyboard: arrows go from mark to mark, Enter opens the studies behind one ----------------------
  function marksOf(plot) {
    var found = [], seen = {};
    (plot._fullData || []).forEach(function (trace, curve) {
      if (trace.visible !== true || !Array.isArray(trace.customdata)) return;
      trace.customdata.forEach(function (target, point) {
        if (typeof target !== "string" || target.charAt(0) !== "/" || seen[target]) return;
        seen[target] = true;
        found.push({ curveNumber: curve, pointNumber: point, target: target });
      });
    });
    return found;
  }

  function walkMarks(event) {
    var chart = event.target, plot = chart.querySelector(".js-plotly-plot"), marks = plot ? marksOf(plot) : [];
    var at = Number(chart.dataset.mark || -1), last = marks.length - 1;
    if (event.key === "Enter" && marks[at]) return go(marks[at].target);
    var steps = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1, Home: 0, End: last };
    if (!(event.key in steps) || !marks.length) return;
    event.preventDefault();
    at = chart.dataset.mark = Math.max(0, Math.min(last, steps[event.key]));
    window.Plotly.Fx.hover(plot, [{ curveNumber: marks[at].curveNumber, pointNumber: marks[at].pointNumber }]);
    var said = chart.querySelector(".mark-said") || chart.appendChild(document.createElement("div"));
    said.className = "mark-said";
    said.setAttribute("role", "status");
    var box = plot.querySelector(".hoverlayer");
    said.textContent = box ? box.textContent : "";
  }

  document.addEventListener("keydown", function (event) {
    if (event.target.classList && event.target.classList.contains("marks")) walkMarks(event);
    var typing = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName) || event.target.isContentEditable;
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      var box = byId("search");
      if (box) { box.focus(); box.select(); }
    }
    if (event.key === "Enter" && event.target.id === "search") search(event.target.value);
    if (event.key === "Escape") {
      var menu = event.target.closest && event.target.closest("details.menu-button[open]");
      closeMenus();
      if (menu) menu.querySelector("summary").focus();  // what had the focus is hidden now
      if (event.target.id === "search") event.target.blur();
    }
    if ((event.key === "j" || event.key === "k") && !typing) step(event.key === "j" ? 1 : -1);
  });

  function search(text) {
    var words = text.trim();
    var onList = location.pathname === "/studies";
    sealed({ q: words }, function (told) {
      go(onList ? withParameters(told) : "/studies" + (told.q ? "?q=" + told.q : ""));
    });
  }

  // j and k walk the lines of the list.
  function step(by) {
    var links = Array.prototype.slice.call(document.querySelectorAll(".row-link"));
    if (!links.length) return;
    var at = links.indexOf(document.activeElement);
    links[Math.min(links.length - 1, Math.max(0, at + by))].focus();
  }

  document.addEventListener("click", function (event) {
    var target = event.target;
    if (!target.closest) return;
    closeMenus(target.closest("details.menu-button"));
    var value = target.closest("[data-value]");
    if (value) {
      var of = value.closest("[data-study]");  // on pages that show numbers of several studies
      set("provenance-asked", { data: { value: value.dataset.value, study: of && of.dataset.study, at: Date.now() } });
    }
    if (target.closest("#show-new")) {
      window.scrollTo({ top: 0 });
      set("studies-new", { children: null });
      if (/[?&](page|sort)=/.test(location.search)) go(withParameters({ sort: "" })); else set("live", { data: asked });
    }
    if (target.closest(".filters-fold")) byId("filters").classList.toggle("open");
    if (target.closest("#theme-button")) turnTheme(null);
    if (target.closest("[data-print]")) window.print();
    var language = target.closest("a.language-link");
    if (language) {
      event.preventDefault();
      location.href = language.getAttribute("href") + "?next=" + encodeURIComponent(location.pathname + location.search);
    }
    var action = target.closest("[data-action]"), from = target.closest("details.menu-button[open] .menu-item");
    if (from) {  // a dialog that opens now gives the focus back to what is still there
      from = from.closest("details");
      closeMenus();
      from.querySelector("summary").focus();
    }
    if (action) { keepPlace(action); set(action.dataset.target, { data: { action: action.dataset.action, at: Date.now() } }); }
  });

  // A list that is made anew after a button of it was pressed: the focus stays at the same place.
  function keepPlace(pressed) {
    if (document.activeElement !== pressed) return;
    var like = '[data-target="' + pressed.dataset.target + '"]', until = Date.now() + 15000;
    var all = function () { return Array.prototype.slice.call(document.querySelectorAll(like)); }, at = all().indexOf(pressed);
    var watch = new MutationObserver(function () {  // more than once: some lists are made again when the worker is done
      var lost = document.activeElement === document.body, now = lost ? all() : [];
      if (Date.now() > until || (!lost && document.activeElement !== pressed)) watch.disconnect();
      if (!now.length) return;
      pressed = now[Math.min(at, now.length - 1)];
      pressed.focus();
    });
    watch.observe(document.body, { childList: true, subtree: true });
  }

  // A table that is too large is not sent: said beside its button, at once.
  function weigh(event) {
    var box = event.target.closest && event.target.closest("[data-largest]");
    var files = event.target.files || (event.dataTransfer && event.dataTransfer.files);
    if (!box || !files) return;
    var large = Array.prototype.some.call(files, function (file) { return file.size > +box.dataset.largest; });
    box.querySelector("[role=status]").textContent = large ? box.dataset.tooLarge : "";
  }
  document.addEventListener("change", weigh, true);
  document.addEventListener("drop", weigh, true);

  function turnTheme(wish) {
    var order = ["auto", "light", "dark"], root = document.documentElement;
    wish = wish || order[(order.indexOf(root.dataset.theme) + 1) % order.length];
    root.dataset.theme = wish;
    window.dacsApplyTheme();
    set("theme-wish", { data: wish });
  }
  window.dacsGo = go;
})();
