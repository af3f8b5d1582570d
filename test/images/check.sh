#!/usr/bin/env bash
# Builds the images with buildah, then runs them with podman as deploy/compose.yaml says: read-only, without rights, as
# user 10001. What it shows is listed in docs/images.md. main.ts has looked for what it needs, and says with which options
# and variables it is run.
set -euo pipefail
cd "$(dirname "$0")/../.."

. test/images/engine.sh

scratch=$(mktemp -d)
compose=("$PODMAN_COMPOSE" --project-name unet-fleet-check --file deploy/compose.yaml --env-file "$scratch/env")
finish() {
  [ -z "${health:-}" ] || kill "$health"
  "${compose[@]}" down --volumes > "$scratch/down.log" 2>&1 || true
  podman rm --force --volumes --time 1 join-coordinator join-worker-1 join-worker-2 > "$scratch/down.log" 2>&1 || true
  podman network rm join > "$scratch/down.log" 2>&1 || true
  rm -rf "$scratch"
}
trap finish EXIT
shown() { echo "ok    $*"; }
wrong() { echo "WRONG $*"; [ ! -f "$scratch/up.log" ] || tail -40 "$scratch/up.log"; exit 1; }
# What compose.yaml gives each container.
hardened=(--read-only --cap-drop all --security-opt no-new-privileges)

# Built, and what that makes.
"$HADOLINT" deploy/images/Dockerfile && shown "hadolint $("$HADOLINT" --version | grep -o '[0-9.]*$') finds nothing"
node_version=$(grep -oP '^ARG NODE_IMAGE=.*node:\K[0-9.]+' deploy/images/Dockerfile)
base=${NODE_IMAGE:-localhost/node-stand-in:$node_version}
podman image exists "$base" || make_base "$base" "$node_version"
targets=(coordinator worker)
[ "${1:-}" != --gpu ] || targets+=(worker-gpu)
for target in "${targets[@]}"; do
  build_image "$target" "$base" > "$scratch/build.log" 2>&1 || { tail -40 "$scratch/build.log"; wrong "$target is not built"; }
  bytes=$(podman image inspect --format '{{.Size}}' "localhost/unet-fleet-$target")
  base_bytes=$(podman image inspect --format '{{.Size}}' "$base")
  shown "$target built: $((bytes / 1000000)) MB, $(((bytes - base_bytes) / 1000000)) MB of it above the base"
done

# Each image by itself, without a network: what it needs is inside.
shell() { # image, script
  podman run --rm --network none "${hardened[@]}" --read-only-tmpfs=false --tmpfs /tmp --entrypoint '["sh","-c"]' \
    "localhost/unet-fleet-$1" "$2"
}
for target in "${targets[@]}"; do
  [ "$(shell "$target" 'id -u; id -g' | paste -sd :)" = 10001:10001 ] || wrong "$target does not run as 10001"
  [ "$(shell "$target" 'grep -c "^Cap.*0000000000000000$" /proc/self/status')" = 5 ] || wrong "$target has capabilities"
  shell "$target" 'for folder in / /opt/unet-fleet /run/unet-fleet; do ! touch $folder/x 2> /dev/null || exit 1; done' ||
    wrong "$target writes to its root"
  shell "$target" 'nats-server --version && unet-fleet --version' > /dev/null || wrong "$target lacks a program"
  shown "$target: user 10001, no capability, read-only root, nats-server and unet-fleet start"
done
for target in "${targets[@]:1}"; do
  shell "$target" 'unet-fleet doctor' > "$scratch/doctor" || { cat "$scratch/doctor"; wrong "$target can not train"; }
  shown "$target: doctor: $(grep ^engine "$scratch/doctor" | tr -s ' ')"
done

# One run, outside and in containers.
node packages/cli/bin/unet-fleet.js sample --out "$scratch/data" > /dev/null
recipe() { # folder of the data, section run
  cat << EOF
data: { images: $1/photos, masks: $1/annotations/pixel-level, classNames: $1/label_list.mat, size: 64x48 }
model: { baseWidth: 4 }
train: { epochs: 4, batchSize: 8, leafSize: 2 }
engine: { device: cpu, threads: 1 }
run: { $2 }
EOF
}
weights() { grep -oP 'weights\s+sha256 \K[0-9a-f]{64}' | tail -1; }
recipe "$scratch/data" 'workers: 2, dashboard: false' > "$scratch/outside.yaml"
recipe /data 'workers: 2, dashboard: false' > "$scratch/inside.yaml"
recipe /data 'minWorkers: 2' > "$scratch/recipe.yaml"
outside=$(node packages/cli/bin/unet-fleet.js train --config "$scratch/outside.yaml" --run-dir "$scratch/run" | weights)

# A whole run in one container, where there is no network at all.
for target in "${targets[@]:1}"; do
  inside=$(podman run --rm --network none "${hardened[@]}" --read-only-tmpfs=false --tmpfs /tmp \
    --volume /run/unet-fleet --volume /var/cache/unet-fleet --volume "$scratch/data:/data:ro" \
    --volume "$scratch/inside.yaml:/etc/unet-fleet/recipe.yaml:ro" "localhost/unet-fleet-$target" \
    train --config /etc/unet-fleet/recipe.yaml | weights)
  case $target in
    worker) [ "$inside" = "$outside" ] || wrong "$target trains to $inside, and outside it is $outside" ;;
    *) [ -n "$inside" ] || wrong "$target does not train" ;;
  esac
  shown "$target: trains without a network to the weights $inside"
done

# deploy/compose.yaml: broker, coordinator and two workers that have no data folder.
node packages/cli/bin/unet-fleet.js credentials --workers 1 --hosts broker --server-folder /etc/nats --out "$scratch/credentials" > /dev/null
chown -R 10001:10001 "$scratch/credentials"
cat > "$scratch/env" << EOF
FLEET_DATA=$scratch/data
FLEET_RECIPE=$scratch/recipe.yaml
FLEET_CREDENTIALS=$scratch/credentials
FLEET_REGISTRY=localhost/
EOF
container() { echo "unet-fleet-check_$1_${2:-1}"; }
running() { podman ps --format '{{.Names}}' --filter name=unet-fleet-check_; }
# Elsewhere systemd's timers ask for the containers' health.
(while sleep 2; do for name in $(running); do podman healthcheck run "$name" || true; done; done) > /dev/null 2>&1 &
health=$!
timeout 180 "${compose[@]}" up --detach > "$scratch/up.log" 2>&1 || wrong 'compose up'

exit_code() { podman inspect --format '{{.State.ExitCode}}' "$1"; }
says() { # container, text: waits until it has said so
  timeout 120 sh -c "until podman logs '$1' 2>&1 | grep -q '$2'; do sleep 0.3; done" || { podman logs --tail 20 "$1"; wrong "$1 does not say $2"; }
}
stops() { # container: asked to leave, it leaves by itself with exit code 4
  podman stop --time 60 "$1" > /dev/null 2>&1
  [ "$(exit_code "$1")" = 4 ] || { podman logs --tail 20 "$1"; wrong "$1 ends with $(exit_code "$1") after SIGTERM"; }
}
says "$(container coordinator)" 'step [0-9]'
for name in broker coordinator worker; do
  podman healthcheck run "$(container "$name")" > /dev/null || wrong "$name is not healthy"
done
shown 'compose: broker, coordinator and workers answer their health checks'
for name in broker coordinator worker; do
  [ "$(podman exec "$(container $name)" cat /proc/1/comm)" = tini ] || wrong "process 1 of $name is not tini"
  podman exec "$(container $name)" sh -c '(sleep 0.2 &)'
  [ "$(podman exec "$(container $name)" sh -c 'sleep 1; cat /proc/[0-9]*/status 2> /dev/null | grep "^State:.*Z"')" = '' ] ||
    wrong "$name leaves a process that has ended"
done
shown 'compose: process 1 of each is tini, and it reaps orphans'
stops "$(container worker 1)"
podman start "$(container worker 1)" > /dev/null 2>&1
shown 'compose: SIGTERM to a worker reaches it through tini: exit code 4'
says "$(container coordinator)" 'epoch 2/4'
stops "$(container coordinator)"
podman start "$(container coordinator)" > /dev/null 2>&1
shown 'compose: SIGTERM to the coordinator: exit code 4, and started again it goes on'
[ "$(timeout 300 podman wait "$(container coordinator)")" = 0 ] || wrong 'the coordinator does not complete its run'
inside=$(podman logs "$(container coordinator)" 2>&1 | weights)
[ "$inside" = "$outside" ] || wrong "compose trains to $inside, and outside it is $outside"
shown "compose: trained to the weights of the run outside, $inside"
for number in 1 2; do
  [ "$(timeout 60 podman wait "$(container worker "$number")")" = 0 ] || wrong "worker $number does not end with the run"
done
shown 'compose: the workers end with the run, exit code 0'
"${compose[@]}" down --volumes > "$scratch/down.log" 2>&1

# Without compose: the coordinator's own broker, and workers that are told its URL and nothing else.
podman network create join > /dev/null
join() { # name, image, arguments
  podman run --detach --name "join-$1" --network join "${hardened[@]}" --tmpfs /tmp --volume /run/unet-fleet \
    --volume /var/cache/unet-fleet "${@:2}" > "$scratch/up.log" 2>&1 || wrong "join-$1 does not start"
}
join coordinator --volume "$scratch/data:/data:ro" --volume "$scratch/recipe.yaml:/etc/unet-fleet/recipe.yaml:ro" \
  localhost/unet-fleet-coordinator coordinator --config /etc/unet-fleet/recipe.yaml --run-dir /run/unet-fleet/run --join-host join-coordinator
says join-coordinator 'waiting: 0 of'
url=$(podman exec join-coordinator cat /run/unet-fleet/run/broker/worker.join)
for number in 1 2; do join "worker-$number" --env "UNET_FLEET_JOIN=$url" localhost/unet-fleet-worker; done
[ "$(timeout 300 podman wait join-coordinator)" = 0 ] || wrong 'the coordinator with a broker of its own does not complete its run'
inside=$(podman logs join-coordinator 2>&1 | weights)
[ "$inside" = "$outside" ] || wrong "workers that joined by URL train to $inside, and outside it is $outside"
shown 'join: a coordinator with its own broker, two workers by its URL: the same weights'
