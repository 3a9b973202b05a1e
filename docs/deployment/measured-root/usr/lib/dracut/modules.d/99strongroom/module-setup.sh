#!/bin/bash
# The last of dracut's modules: it takes out what could give a prompt, and has what fails power off.
# There is no shell in this initrd, and no script: systemd's units alone open and mount the root.

check() { return 0; }

depends() { echo systemd-initrd systemd-sysctl systemd-veritysetup; }

# shellcheck disable=SC2154 # dracut sets them
install() {
    inst_simple /etc/systemd/system/emergency.service
    inst_simple /etc/systemd/system/rescue.service
    ln_r "$systemdsystemunitdir/initrd.target" /etc/systemd/system/default.target
    inst_simple /etc/sysctl.d/99-strongroom.conf
    # A script that stays would bring its interpreter back.
    find "$initdir/var/lib/dracut/hooks" -type f -delete
    rm -f "$initdir$systemdsystemunitdir/debug-shell.service" "$initdir/usr/sbin/insmodpost.sh" \
        "$initdir"/usr/bin/{sh,dash,bash}
}
