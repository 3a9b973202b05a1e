#!/bin/sh
# Make what a measured VM boots: kernel, initrd, a read-only root with Strongroom in it, and the hash
# by which the initrd knows that root. As root, with python3-venv, mmdebstrap, squashfs-tools and
# cryptsetup-bin:
#
#     docs/deployment/measured-root.sh strongroom.toml OUT
#
# OUT then holds vmlinuz, initrd, root.squashfs, root.verity and cmdline, and what others need to
# compare: packages, with versions, and measurement-inputs, which is also printed.
#
# SUITE names another release than trixie (kernels from 6.7 on have configfs-tsm). MIRROR is what
# mmdebstrap takes as such, a mirror's URL or a file of apt sources; without it mmdebstrap's default.
# Name a snapshot of the archive in such a file where the same image must come out again.
# measured-image.md says what to do with all of them.
set -eu
home=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
config=$(realpath "$1")
mkdir -p "$2"
out=$(realpath "$2")
SUITE=${SUITE:-trixie}
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-0}"
umask 022
work=$(mktemp -d)
root=$work/root
trap 'umount "$root/proc" 2>/dev/null || :; rm -rf --one-file-system "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
inside() {
    chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
        SOURCE_DATE_EPOCH="$SOURCE_DATE_EPOCH" PYTHONDONTWRITEBYTECODE=1 "$@"
}

packages=systemd-sysv,udev,systemd-resolved,cryptsetup-bin,systemd-cryptsetup,dracut
packages=$packages,linux-image-cloud-amd64,python3-venv,ca-certificates
# shellcheck disable=SC2086 # no mirror is no word
mmdebstrap --variant=minbase --include="$packages" "$SUITE" "$root" ${MIRROR:-}
mount -t proc proc "$root/proc" # /sys is this machine's, and decides nothing in the image
inside dpkg-query --show >"$out/packages"

# The program, checked against the hashes of the lock files, for the root's Python and not for ours.
mkdir "$root/src"
inside python3 -m venv /opt/strongroom
python=$(inside python3 -c 'import platform; print(platform.python_version())')
platforms=$(inside /opt/strongroom/bin/python -c \
    'from pip._vendor.packaging import tags; print(*(f"--platform={t}" for t in tags.platform_tags()))')
python3 -m venv "$work/fetch"
for lock in requirements-installer requirements requirements-build; do
    # shellcheck disable=SC2086 # many options
    "$work/fetch/bin/pip" --quiet --disable-pip-version-check download --no-deps --require-hashes \
        --only-binary :all: --python-version "$python" $platforms \
        --dest "$root/src/wheels" -r "$home/$lock.lock"
    cp "$home/$lock.lock" "$root/src/"
    inside /opt/strongroom/bin/pip install --quiet --no-cache-dir --no-index --no-deps \
        --require-hashes --find-links /src/wheels -r "/src/$lock.lock"
done
for part in pyproject.toml README.md LICENSE kmip server enclave storage; do
    cp -R "$home/$part" "$root/src/"
done
inside /opt/strongroom/bin/pip check
inside /opt/strongroom/bin/pip install --quiet --no-cache-dir --no-deps --no-build-isolation /src
rm -rf "$root/src"

# How it is started is part of the root, and so of the measurement.
cp -R "$home/docs/deployment/measured-root/." "$root/"
cp "$root/etc/systemd/system/emergency.service" "$root/etc/systemd/system/rescue.service"
cp "$config" "$root/etc/strongroom.toml"
inside /opt/strongroom/bin/strongroom config --config /etc/strongroom.toml >/dev/null
cp "$home/docs/deployment/strongroom.service" "$root/etc/systemd/system/"
inside systemctl --quiet enable strongroom.service systemd-networkd.service systemd-resolved.service
mkdir -p "$root/var/lib/strongroom"

# Nobody logs in: no account has a password, nothing asks for one, no console gets a prompt.
inside usermod --password '!*' --shell /usr/sbin/nologin root
inside systemctl --quiet mask getty@.service getty-static.service serial-getty@.service \
    container-getty@.service console-getty.service debug-shell.service \
    systemd-logind.service # nobody logs in, and it cannot start on a root that is read only
rm -f "$root"/usr/bin/login "$root"/usr/bin/su \
    "$root"/usr/sbin/agetty "$root"/usr/sbin/sulogin "$root"/usr/lib/systemd/systemd-sulogin-shell

# What mmdebstrap took from the machine that builds, and what only the build needed.
ln -sf ../run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"
: >"$root/etc/machine-id" # made anew at each boot
rm -rf "$root/etc/apt" "$root/var/lib/apt" "$root/etc/passwd-" "$root/etc/group-" \
    "$root/etc/shadow-" "$root/etc/gshadow-"

# An initrd of these modules alone has no script, and so nothing that a command line could stop in
# the middle of, or that would ask for help.
kernel=$(ls "$root/lib/modules")
# No time in the initrd is later than the one that the build is to have.
find "$root" -xdev -newermt "@$SOURCE_DATE_EPOCH" \
    -exec touch --no-dereference --date "@$SOURCE_DATE_EPOCH" {} +
inside dracut --quiet --force --reproducible --no-hostonly --no-hostonly-cmdline \
    --no-early-microcode --modules 'systemd-initrd systemd-veritysetup kernel-modules strongroom' \
    --drivers 'virtio_pci virtio_blk dm_verity' --filesystems squashfs \
    --kver "$kernel" /boot/initrd
if inside lsinitrd /boot/initrd | grep -E 'bin/([a-z]*sh|busybox|sulogin|agetty|login)( |$)'; then
    echo 'measured-root.sh: the initrd has a shell in it' >&2
    exit 1
fi
umount "$root/proc"
install -m 0644 "$root/boot/vmlinuz-$kernel" "$out/vmlinuz"
install -m 0644 "$root/boot/initrd" "$out/initrd"
for emptied in boot run tmp var/cache var/log var/tmp; do
    rm -rf "${root:?}/$emptied"
    mkdir "$root/$emptied"
done
# Compiled code says by its source's hash whose it is, not by a time that differs in each build.
find "$root" -name __pycache__ -prune -exec rm -rf {} +
inside /opt/strongroom/bin/python -m compileall -q --invalidation-mode unchecked-hash \
    /opt/strongroom/lib "/usr/lib/python${python%.*}"

rm -f "$out/root.squashfs" "$out/root.verity"
mksquashfs "$root" "$out/root.squashfs" -noappend -no-exports -no-xattrs -no-progress -quiet
veritysetup format --salt="$(printf '%064d' 0)" --uuid=00000000-0000-0000-0000-000000000000 \
    --root-hash-file="$out/root.hash" "$out/root.squashfs" "$out/root.verity" >/dev/null

# The root is the one with this hash, and a block of it that is another stops the kernel.
cmdline="root=/dev/mapper/root rootfstype=squashfs ro roothash=$(cat "$out/root.hash")"
cmdline="$cmdline systemd.verity_root_data=/dev/vda systemd.verity_root_hash=/dev/vdb"
cmdline="$cmdline systemd.verity_root_options=panic-on-corruption"
# No prompt, from dracut or from systemd; what crashes ends the machine.
cmdline="$cmdline rd.shell=0 rd.emergency=poweroff systemd.getty_auto=no"
cmdline="$cmdline systemd.crash_action=poweroff oops=panic panic=1"
# Nothing comes from the host by another way: credentials and units (SMBIOS, fw_cfg), EFI variables,
# partitions that are mounted for what they are called.
cmdline="$cmdline systemd.import_credentials=no efi=noruntime systemd.gpt_auto=no"
# The kernel runs signed modules alone, shows its memory to nobody, and takes no SysRq.
cmdline="$cmdline module.sig_enforce=1 lockdown=confidentiality sysctl.kernel.sysrq=0"
printf '%s' "$cmdline" >"$out/cmdline"

# What firmware with kernel hashes measures (the command line with the byte 0 that ends it).
{
    printf 'kernel  %s\n' "$(sha256sum <"$out/vmlinuz" | cut -d' ' -f1)"
    printf 'initrd  %s\n' "$(sha256sum <"$out/initrd" | cut -d' ' -f1)"
    printf 'cmdline %s\n' "$(printf '%s\0' "$cmdline" | sha256sum | cut -d' ' -f1)"
    printf 'root    %s\n' "$(cat "$out/root.hash")"
} >"$out/measurement-inputs"
printf '%s\n\n' "$cmdline"
cat "$out/measurement-inputs"
