#!/bin/sh
# setup.sh run|test   Installs what is missing: Debian packages, the virtual environment, the locked dependencies.
# Does nothing, quickly, when nothing is missing. Prints one clear sentence and exits 1 when it cannot go on.
set -eu
purpose=${1:-run}
cd "$(dirname "$0")/.."

fail() { echo "dacs: $*" >&2; exit 1; }
missing() { for p in "$@"; do dpkg-query -W -f='${db:Status-Status}\n' "$p" 2>/dev/null | grep -qx installed || printf '%s ' "$p"; done; }

command -v dpkg-query >/dev/null 2>&1 || fail "this set-up knows Debian 12 and later; on other systems install Orthanc with its Python plugin yourself and see docs/existing-orthanc.md"

wanted="orthanc orthanc-python orthanc-dicomweb orthanc-webviewer python3 python3-venv"
[ "$purpose" = run ] || wanted="$wanted chromium-headless-shell dcmtk postgresql-15 libatomic1 fonts-dejavu-core fonts-noto-core"
# shellcheck disable=SC2086
lacking=$(missing $wanted)
if [ -n "$lacking" ]; then
    line="apt-get install -y --no-install-recommends $lacking"
    if [ "$(id -u)" = 0 ]; then sudo=""
    elif sudo -n true 2>/dev/null; then sudo="sudo -n"
    else fail "these Debian packages are missing; run:  sudo apt-get update && sudo $line"
    fi
    echo "dacs: installing $lacking"
    log=$(mktemp)
    # Debian starts a service as soon as its package is installed; an Orthanc or PostgreSQL that nobody
    # asked for would take our ports. What was installed before stays as it is.
    new_orthanc=no; case " $lacking" in *" orthanc "*) new_orthanc=yes ;; esac
    held=no
    if [ ! -e /usr/sbin/policy-rc.d ]; then
        printf '#!/bin/sh\nexit 101\n' | $sudo tee /usr/sbin/policy-rc.d >/dev/null
        $sudo chmod 755 /usr/sbin/policy-rc.d
        held=yes
    fi
    # The tests start private clusters; the default one is not needed.
    case " $lacking" in *" postgresql-15 "*)
        $sudo mkdir -p /etc/postgresql-common/createcluster.d
        echo "create_main_cluster = false" | $sudo tee /etc/postgresql-common/createcluster.d/dacs.conf >/dev/null ;;
    esac
    done_well=yes
    { $sudo apt-get update && $sudo env DEBIAN_FRONTEND=noninteractive $line; } >"$log" 2>&1 || done_well=no
    [ $held = no ] || $sudo rm -f /usr/sbin/policy-rc.d
    if [ $done_well = no ]; then tail -15 "$log" >&2; fail "apt-get could not install: $lacking"; fi
    rm -f "$log"
    if [ $new_orthanc = yes ] && [ -d /run/systemd/system ]; then
        $sudo systemctl disable orthanc.service >/dev/null 2>&1 || true
    fi
fi

# The wheels must fit the interpreter that Orthanc's Python plugin embeds.
plugin=/usr/share/orthanc/plugins/libOrthancPython.so
version=$(ldd "$plugin" 2>/dev/null | sed -n 's/.*libpython\(3\.[0-9]*\)\.so.*/\1/p' | head -1)
[ -n "$version" ] || fail "$plugin links no Python library; is orthanc-python installed whole?"
python=/usr/bin/python$version
[ -x "$python" ] || fail "Orthanc's Python plugin embeds Python $version but $python is missing; run:  apt-get install python$version"

if [ -x .venv/bin/python ] && [ "$(.venv/bin/python -c 'import sys; print("%d.%d" % sys.version_info[:2], sys.base_prefix)' 2>/dev/null)" != "$version /usr" ]; then
    echo "dacs: rebuilding .venv with $python"
    rm -rf .venv
fi
if [ ! -x .venv/bin/python ]; then
    echo "dacs: making a virtual environment with $python"
    "$python" -m venv .venv || fail "the virtual environment could not be made"
fi

lock=requirements/$purpose.lock
[ "$purpose" = run ] || lock=requirements/dev.lock
stamp=.venv/.installed-$purpose
if ! cmp -s "$lock" "$stamp"; then
    echo "dacs: installing locked Python packages ($lock)"
    log=$(mktemp)
    # flask-principal ships no wheel; everything else must, so that nothing needs a compiler.
    if ! .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
        --only-binary :all: --no-binary flask-principal --use-pep517 -r "$lock" >"$log" 2>&1; then
        tail -5 "$log" >&2
        fail "the Python packages could not be installed; is the network reachable?"
    fi
    rm -f "$log"
    cp "$lock" "$stamp"
    [ "$purpose" = run ] || cp requirements/run.lock .venv/.installed-run
fi

# The checkout itself is what runs: a path file and a command, no build step.
site=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
pwd > "$site/orthanc_dacs.pth"
if [ ! -x .venv/bin/dacs ]; then
    { echo "#!$(pwd)/.venv/bin/python"; echo "from dacs.cli import app"; echo "app()"; } > .venv/bin/dacs
    chmod 755 .venv/bin/dacs
fi
