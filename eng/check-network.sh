#!/usr/bin/env bash
# Trains by two processes that only a network joins, each in a network namespace of its own: over a clean link, a slow one and
# one that loses packets the run must equal one on loopback, bit for bit. Then the link is cut: each rank must end in time with
# one line that names the other, and the resumed run must equal the unbroken one.
#
#   eng/check-network.sh [--delay MS] [--loss PERCENT] [--timeout SECONDS]
#
# BAM is the command to check, ./bam unless given. Root, iproute2 and Linux with network namespaces are needed. Delay and loss
# are netem's where the kernel has it; otherwise packets go through a relay (Python and /dev/net/tun). Where neither is there,
# the result says so. The result goes to bench/results. Not part of ./test: it needs root, and takes some minutes.
set -euo pipefail
eng=$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")
# shellcheck source=eng/common.sh
source "$eng/common.sh"

delay=20 loss=2 timeout=15
while (($#)); do
  (($# > 1)) || refuse "$1: a value is missing"
  [[ $2 =~ ^[1-9][0-9]*$ ]] || refuse "$1: expected a number from 1, found $2"
  case $1 in
    --delay) delay=$2 ;;
    --loss) loss=$2 ;;
    --timeout) timeout=$2 ;;
    *) refuse "unknown argument '$1'" ;;
  esac
  shift 2
done
[[ $(id -u) == 0 ]] || refuse "root is needed for network namespaces; run it as root"
command -v ip >/dev/null || refuse "iproute2 is needed; install it (apt-get install iproute2)"

bam=${BAM-$root/bam}
work=$(mktemp -d) relay= interface=
hosts=("bam-a-$$" "bam-b-$$") addresses=(10.77.0.1 10.77.0.2) device=wire0
steps=40 port=29500
# After the time-out a rank finds out within 8 s who is silent, and rank 0 waits up to 10 s for the others to leave.
longest=$((timeout + 20))

# shellcheck disable=SC2317
clean_up() {
  local pid host
  for pid in $(jobs -p); do kill -KILL "$pid" 2>/dev/null || true; done
  for host in "${hosts[@]}"; do ip netns delete "$host" 2>/dev/null || true; done
  rm -rf "$work"
}
trap clean_up EXIT

run() { "$bam" "$@" >>"$work/bam.log" 2>&1 </dev/null || give_up "bam $*: $(tail -n 2 "$work/bam.log")"; }

# fail MESSAGE: with what the ranks said.
fail() {
  tail -n 5 "$work"/rank-*.log >&2 || true
  give_up "$*"
}

config() {
  cat >"$work/$1.yaml" <<END
config: {vocab_size: 512, hidden_size: 64, intermediate_size: 128, num_hidden_layers: 2, num_attention_heads: 2,
  num_key_value_heads: 2, head_dim: 32, max_position_embeddings: 64, num_attention_experts: 2, num_local_experts: 2}
data: [{domain: text, path: data}]
output: $1
sequence_length: 64
batch_size: 8
steps: $steps
learning_rate: 3e-3
checkpoint_every: 4
log_every: 1
device: cpu
parallel: {data: 2}
END
}

# Joins the hosts by their devices `wire0`.
address_link() {
  local i
  for i in 0 1; do
    ip -n "${hosts[i]}" address add "${addresses[i]}/24" dev $device
    ip -n "${hosts[i]}" link set $device up
  done
}

veth() { ip link add name $device netns "${hosts[0]}" type veth peer name $device netns "${hosts[1]}" && address_link; }

no_link() {
  if [[ -n $relay ]]; then kill "$relay" && wait "$relay" || true; fi
  relay=
  ip -n "${hosts[0]}" link delete $device 2>/dev/null || true
}

# impaired NETEM... -- RELAY...: a link with netem's arguments or, without netem, the relay's.
impaired() {
  local netem=() i names=("bama$$" "bamb$$")
  while [[ $1 != -- ]]; do netem+=("$1") && shift; done
  shift
  if [[ $how == netem ]]; then
    veth
    for i in 0 1; do tc -n "${hosts[i]}" qdisc add dev $device root netem "${netem[@]}"; done
    return
  fi
  mkfifo "$work/ready"
  python3 "$eng/check-network/relay.py" "${names[@]}" "$@" >"$work/ready" &
  relay=$!
  read -r _ <"$work/ready" || give_up "the relay did not start"
  rm "$work/ready"
  for i in 0 1; do ip link set "${names[i]}" netns "${hosts[i]}" name $device; done
  address_link
}

# silence: packets go to an address that nobody has, so that they vanish and neither side is told.
silence() {
  for i in 0 1; do
    ip -n "${hosts[i]}" neighbour replace "${addresses[1 - i]}" lladdr 02:00:00:00:00:01 nud permanent dev $device
  done
}

unplug() { for i in 0 1; do ip -n "${hosts[i]}" link set $device down; done; }

mend() {
  for i in 0 1; do
    ip -n "${hosts[i]}" link set $device up
    ip -n "${hosts[i]}" neighbour flush dev $device nud permanent
  done
}

start() {
  local rank
  port=$((port + 1)) pids=() status=()
  for rank in 0 1; do
    ip netns exec "${hosts[rank]}" env RANK=$rank LOCAL_RANK=0 WORLD_SIZE=2 MASTER_ADDR="${addresses[0]}" MASTER_PORT=$port \
      ${interface:+GLOO_SOCKET_IFNAME=$interface} OMP_NUM_THREADS=1 BAM_RANK_TIMEOUT="$timeout" \
      "$bam" train "$work/$1.yaml" >"$work/rank-$rank.log" 2>&1 </dev/null &
    pids[rank]=$!
  done
}

now() { date +%s%3N; }

# finish SINCE: waits for rank 0, then rank 1. Their $status, and in $took the milliseconds from SINCE until each was waited for.
finish() {
  local rank
  for rank in 0 1; do
    status[rank]=0
    wait "${pids[rank]}" || status[rank]=$?
    took[rank]=$(($(now) - $1))
  done
}

seconds() { printf '%d.%d' $(($1 / 1000)) $(($1 % 1000 / 100)); }

# same NAME: the run's losses and model are the reference's.
losses() { sed 's/.*"step":\([0-9]*\).*"loss":\([^,}]*\).*/\1 \2/' "$work/$1/metrics.jsonl"; }
same() {
  cmp -s <(losses "$1") <(losses loopback) || fail "$1: the losses differ from those on loopback"
  cmp -s "$work/$1/model/model.safetensors" "$work/loopback/model/model.safetensors" \
    || fail "$1: the model differs from that on loopback"
}

# ended_well NAME DESCRIPTION: both ranks did, with the reference's result.
ended_well() {
  [[ ${status[*]} == "0 0" ]] || fail "$1: the ranks ended with ${status[*]}"
  same "$1"
  say "$1: equal, $(seconds "${took[0]}") s"
  echo "| $2 | $(seconds "${took[0]}") |" >>"$work/links"
}

# trains NAME DESCRIPTION: a whole run over the link that is there.
trains() {
  local since
  config "$1"
  since=$(now)
  start "$1"
  finish "$since"
  ended_well "$1" "$2"
}

# Waits for CONDITION... while rank 1 runs.
until_true() {
  until "$@"; do
    kill -0 "${pids[1]}" 2>/dev/null || fail "the run ended before the link was cut"
    sleep 0.02
  done
}
has_checkpoint() { compgen -G "$work/$1/checkpoints/step-*8" >/dev/null; }
# State 1 of /proc/net/tcp is an established connection, here to the store.
meets_the_store() { grep -q ":$(printf %04X $port) 01 " "/proc/${pids[1]}/net/tcp" "/proc/${pids[1]}/net/tcp6"; }

# interrupted NAME SECONDS DESCRIPTION: a whole run, during which the link is away for a while.
interrupted() {
  local since
  config "$1"
  since=$(now)
  start "$1"
  until_true has_checkpoint "$1"
  silence
  sleep "$2"
  mend
  finish "$since"
  ended_well "$1" "$3"
}

# cut NAME MOMENT HOW DESCRIPTION: cuts the link by HOW at MOMENT (before, meeting, checkpoint), mends it, and resumes.
cut() {
  local since rank line
  config "$1"
  [[ $2 != before ]] || "$3"
  start "$1"
  case $2 in
    meeting) until_true meets_the_store ;;
    checkpoint) until_true has_checkpoint "$1" ;;
  esac
  since=$(now)
  [[ $2 == before ]] || "$3"
  finish "$since"
  for rank in 0 1; do
    line=$(grep '^bam: ' "$work/rank-$rank.log" | tail -n 1)
    [[ ${status[rank]} == 1 ]] || fail "$1: rank $rank ended with ${status[rank]}, expected 1"
    [[ $line == *"rank $((1 - rank))"* ]] || fail "$1: rank $rank does not name rank $((1 - rank)): $line"
    ((took[rank] <= longest * 1000)) || fail "$1: rank $rank ended after $(seconds "${took[rank]}") s, expected $longest"
    say "$1: rank $rank ended after $(seconds "${took[rank]}") s: ${line#bam: }"
    echo "| $4 | $rank | $(seconds "${took[rank]}") | \`${line#bam: }\` |" >>"$work/cuts"
  done
  [[ $2 != checkpoint ]] || has_checkpoint "$1" || fail "$1: no checkpoint is left"
  mend
  start "$1"
  finish "$(now)"
  [[ ${status[*]} == "0 0" ]] || fail "$1: the resumed ranks ended with ${status[*]}"
  same "$1"
  say "$1: resumed, equal"
}

for host in "${hosts[@]}"; do
  ip netns add "$host" || refuse "network namespaces are needed, and this machine refuses them"
  ip -n "$host" link set lo up
done
veth
how=none
if tc -n "${hosts[0]}" qdisc add dev $device root netem delay 1ms 2>/dev/null; then how=netem
elif [[ -c /dev/net/tun ]] && command -v python3 >/dev/null; then how=relay; fi
no_link

mkdir "$work/texts"
for text in "$root"/docs/*.md; do cp "$text" "$work/texts/$(basename "$text" .md).txt"; done
run tokenizer train "$work/texts" --vocab-size 512 --output "$work/tokenizer.json"
run data build --input "$work/texts" --tokenizer "$work/tokenizer.json" --output "$work/data" --name text
config loopback
since=$(now)
OMP_NUM_THREADS=1 run launch --processes 2 -- train "$work/loopback.yaml"
echo "| loopback, \`bam launch\` | $(seconds $(($(now) - since))) |" >"$work/links"

veth
trains clean "a clean link"
interface=$device
trains named "a clean link, named by \`GLOO_SOCKET_IFNAME\`"
interface=
interrupted interrupted $((timeout / 3)) "no packet passes for $((timeout / 3)) s"
cut silent checkpoint silence "silently, after a checkpoint"
cut unplugged checkpoint unplug "interfaces down, after a checkpoint"
cut unreachable before silence "silently, before the start"
cut meeting meeting silence "silently, as rank 1 met the store"
no_link
if [[ $how == none ]]; then
  say "delay and loss were not tried: the kernel has no netem, and python3 or /dev/net/tun is missing"
else
  impaired delay "${delay}ms" -- --delay "$delay"
  trains slow "$delay ms of delay in each direction"
  no_link
  impaired loss "$loss%" -- --loss "$loss"
  trains lossy "$loss % of the packets lost"
  no_link
fi

result=$root/bench/results/network-$(date +%Y-%m-%d).md
{
  echo "# Training over a network that fails"
  echo
  echo "Commit $(git -C "$root" rev-parse --short HEAD), \`eng/check-network.sh --delay $delay --loss $loss --timeout $timeout\`:"
  echo "two ranks in two network namespaces, data parallel, $steps steps of a small mixture."
  echo
  echo "Losses and model were the same bits on every link. Whole commands, with the start:"
  echo
  echo "| link | seconds |"
  echo "| --- | ---: |"
  cat "$work/links"
  echo
  case $how in
    netem) echo "Delay and loss by netem." ;;
    relay) echo "Delay and loss by a relay between two TUN devices, since the kernel has no netem." ;;
    none) echo "Delay and loss were not tried: neither netem nor a TUN device was there." ;;
  esac
  echo
  echo "The link was cut with \`BAM_RANK_TIMEOUT=$timeout\`. All ranks ended with status 1; with the link back, the same command"
  echo "finished the run with the same bits. Seconds count from the cut, or from the start, until that rank and the ones"
  echo "before it had ended."
  echo
  echo "| cut | rank | seconds | last line |"
  echo "| --- | ---: | ---: | --- |"
  cat "$work/cuts"
} >"$result"
cat "$result"
