#!/bin/sh
# Make what a measured VM boots: kernel, initrd, a read-only root with Strongroom in it, and the hash
# by which the initrd knows that root. As root, on the Debian release that is also the VM's, with
# python3-venv, mmdebstrap, squashfs-tools and cryptsetup-bin:
#
#     docs/deployment/measured-root.sh strongroom.toml OUT
#
# OUT then holds vmlinuz, initrd, root.squashfs, root.verity and cmdline. SUITE names another release
# than trixie (kernels from 6.7 on have configfs-tsm), MIRROR another mirror; name a snapshot of the
# archive where the same image must come out again. measured-image.md says what to do with them.
set -eu
home=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
config=$(realpath "$1")
mkdir -p "$2"
out=$(realpath "$2")
SUITE=${SUITE:-trixie}
export SOURCE_DATE_EPOCH="${SOURCE_DATE_EPOCH:-0}"
work=$(mktemp -d)
root=$work/root
unmount() { for each in dev sys proc; do umount -R "$root/$each" 2>/dev/null || :; done; }
trap 'unmount; rm -rf --one-file-system "$work"' EXIT
inside() { chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root "$@"; }

# shellcheck disable=SC2086 # no mirror is no word
mmdebstrap --variant=minbase \
    --include=systemd-sysv,udev,python3-venv,ca-certificates,linux-image-cloud-amd64,dracut,cryptsetup-bin \
    "$SUITE" "$root" ${MIRROR:-}

# The program, checked against the hashes of the lock files.
mkdir "$root/src"
python3 -m venv "$work/fetch"
for lock in requirements-installer requirements requirements-build; do
    "$work/fetch/bin/pip" --quiet download --no-deps --require-hashes --only-binary :all: \
        --dest "$root/src/wheels" -r "$home/$lock.lock"
    cp "$home/$lock.lock" "$root/src/"
done
for part in pyproject.toml README.md LICENSE kmip server enclave storage; do
    cp -R "$home/$part" "$root/src/"
done
inside python3 -m venv /opt/strongroom
for lock in requirements-installer requirements requirements-build; do
    inside /opt/strongroom/bin/pip install --quiet --no-cache-dir --no-index --find-links /src/wheels \
        --no-deps --require-hashes -r "/src/$lock.lock"
done
inside /opt/strongroom/bin/pip check
inside /opt/strongroom/bin/pip install --quiet --no-cache-dir --no-deps --no-build-isolation /src
rm -rf "$root/src"

# How it is started is part of the root, and so of the measurement.
cp "$config" "$root/etc/strongroom.toml"
cp "$home/docs/deployment/strongroom.service" "$root/etc/systemd/system/"
inside systemctl enable strongroom.service
inside systemctl mask getty@.service getty-static.service serial-getty@.service \
    console-getty.service debug-shell.service
cat >"$root/etc/fstab" <<'END'
LABEL=strongroom-data /var/lib/strongroom ext4 nosuid,nodev,noexec 0 2
tmpfs /tmp tmpfs nosuid,nodev,noexec 0 0
tmpfs /var/tmp tmpfs nosuid,nodev,noexec 0 0
tmpfs /var/log tmpfs nosuid,nodev,noexec 0 0
tmpfs /var/cache tmpfs nosuid,nodev,noexec 0 0
END
mkdir -p "$root/var/lib/strongroom"
cat >"$root/etc/systemd/network/wired.network" <<'END'
[Match]
Name=en* eth*
[Network]
DHCP=yes
END
inside systemctl enable systemd-networkd.service
printf '' >"$root/etc/machine-id" # made anew at each boot

kernel=$(ls "$root/lib/modules")
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys" && mount --make-rslave "$root/sys"
mount --rbind /dev "$root/dev" && mount --make-rslave "$root/dev"
inside dracut --quiet --no-hostonly --reproducible --add 'systemd systemd-veritysetup' \
    --add-drivers 'virtio_blk virtio_pci virtio_net squashfs dm_verity' \
    --kver "$kernel" /boot/initrd
unmount
cp "$root/boot/vmlinuz-$kernel" "$out/vmlinuz"
cp "$root/boot/initrd" "$out/initrd"
rm -rf "$root/boot" "$root/var/cache" "$root/var/lib/apt" "$root/var/log"
mkdir "$root/boot" "$root/var/cache" "$root/var/log"
# Compiled code says by its source's hash whose it is, not by a time that differs in each build.
find "$root" -name __pycache__ -prune -exec rm -rf {} +
inside /opt/strongroom/bin/python -m compileall -q --invalidation-mode unchecked-hash \
    /opt/strongroom/lib /usr/lib/python3* || :

rm -f "$out/root.squashfs" "$out/root.verity"
mksquashfs "$root" "$out/root.squashfs" -noappend -no-exports -no-progress -quiet
veritysetup format --salt="$(printf '%064d' 0)" --uuid=00000000-0000-0000-0000-000000000000 \
    --root-hash-file="$out/root.hash" "$out/root.squashfs" "$out/root.verity" >/dev/null
printf 'root=/dev/mapper/root ro roothash=%s systemd.verity_root_data=/dev/vda systemd.verity_root_hash=/dev/vdb panic=1' \
    "$(cat "$out/root.hash")" >"$out/cmdline"
cat "$out/cmdline"
printf '\n'
