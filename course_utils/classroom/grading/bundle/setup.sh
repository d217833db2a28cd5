#!/usr/bin/env bash
# Gradescope runs this once, as root, when it builds the image. It finds or installs a Python that the course
# supports, then the packages. Where that cannot be done it stops, and run_autograder tells every submission why.
set -uo pipefail
root="${AUTOGRADER_ROOT:-/autograder}"
first=__FIRST__ last=__LAST__  # of Python 3
packages=(__PACKAGES__)
export DEBIAN_FRONTEND=noninteractive
export UV_PYTHON_INSTALL_DIR="$root/python"  # answers run as a user who may not read root's home

stop() {  # plain letters only: run_autograder writes this into JSON as it is
    printf '%s' "$1" | tr -cd '[:alnum:] .,:;()-' | tee "$root/source/why-not.txt"
    exit 0  # an image that was not built would tell nobody anything
}

versions() {
    local minor
    for ((minor = last; minor >= first; minor--)); do echo "3.$minor"; done
}

find_python() {  # a release: Ubuntu 22.04 has 3.11.0rc1, which lacks what PyTorch uses
    local name path
    for name in python3 $(versions | sed s/^/python/); do
        path="$(command -v "$name")" && "$path" -c "import sys; v = sys.version_info
sys.exit(not ((3, $first) <= v[:2] <= (3, $last) and v.releaselevel == 'final'))" 2>/dev/null && echo "$path" && return
    done
    return 1
}

install() {  # by the image's own package manager
    if command -v apt-get >/dev/null; then
        apt-get install -y --no-install-recommends "$@"
    elif command -v dnf >/dev/null; then
        dnf install -y "$@"
    else
        return 1
    fi
}

get_uv() {  # uv knows where PyTorch's builds without CUDA are, and where Pythons are
    "$1" -m pip install --target "$root/tools" uv && return
    "$1" -m venv --clear "$root/tools" && "$root/tools/bin/python" -m pip install uv
}

rm -f "$root/source/why-not.txt"
chmod -R go-rwx "$root/source"
if ! python="$(find_python)"; then
    command -v apt-get >/dev/null && apt-get update
    for version in $(versions); do
        install "python$version" && python="$(find_python)" && break
    done
fi
any="${python:-python3}"
if ! get_uv "$any"; then
    command -v apt-get >/dev/null && apt-get update && install python3-venv
    install python3 python3-pip
    get_uv "$any" || get_uv python3
fi
uv="$root/tools/bin/uv"
if [ -z "$python" ] && [ -x "$uv" ]; then
    for version in $(versions); do
        "$uv" python install "$version" && python="$version" && break
    done
fi
no="Nothing was graded, and the 0 is no grade"
[ -n "$python" ] || stop "$no: the autograder needs Python 3.$first to 3.$last, its image has $(
    python3 --version 2>/dev/null || echo none), and neither the package manager nor uv could install another one."
[ -x "$uv" ] || stop "$no: the autograder could not install uv, which fetches its packages."
"$uv" venv --python "$python" "$root/venv" || stop "$no: the autograder could not make an environment for its packages."
"$uv" pip install --python "$root/venv/bin/python" --torch-backend cpu "${packages[@]}" ||
    stop "$no: the autograder could not install its packages."
