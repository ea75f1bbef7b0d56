#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Debian's CRIU, unmodified, restores applications through clone_with_pids(), with the library in samples/clone_with_pids/criu: see
# criu/guest.py, of which "criu.sh NAME..." takes only those tests. The kernel is that of the tests with qemu/criu.config, in
# build/BASE/criu. Then what two restorers that ask for the pids of three levels do to each other, on the unpatched kernel and on
# ours: see criu/rivals.c.
. "$(dirname "$0")/../assemble/common.sh"
. "$top/checks/others/kselftests.sh"
need_tree

out=$build/criu root=$build/criu/root
"$top/assemble/deps.sh" criu redis-tools python3	# redis-server would start one here; the program is in redis-tools
[ -e "$base_bzimage" ] || die "there is no $base_bzimage: run \"make kernel-base\" first"
make --no-print-directory -C "$harness" kernel samples KSRC="$linux" O="$out" CONFIGS="common.config x86_64.config ../config criu.config"

# What the guest has: CRIU, redis, python3 and their libraries; busybox; the samples; the library; the test.
say "collecting the guest's files"
rm -rf "$root"
mkdir -p "$root"/{bin,criu,etc,usr/lib}
python=$(basename "$(readlink -f /usr/bin/python3)")
programs=(/usr/sbin/criu /usr/bin/redis-check-rdb /usr/bin/redis-cli "/usr/bin/$python")
cp -L --parents -t "$root" "${programs[@]}"
cp -a "/usr/lib/$python" "$root/usr/lib"
rm -rf "$root/usr/lib/$python"/{test,config-*,ensurepip,idlelib,lib2to3,pydoc_data,tkinter,unittest,dist-packages}
ln -s "$python" "$root/usr/bin/python3"
ln -s redis-check-rdb "$root/usr/bin/redis-server"
make -s --no-print-directory -C "$linux/samples/clone_with_pids/criu" O="$root/criu" CFLAGS="-isystem $out/usr/include"
gcc -Wall -O2 -o "$root/criu/rivals" "$top/checks/criu/rivals.c"
cp "$top"/checks/criu/*.py "$root/criu"
cp "$out"/clone_with_pids/{with_pids,checkpoint,restart,threads} "$root/bin"
copy_libraries "$root" "${programs[@]}" "$root"/criu/{*.so,rivals} "$root/usr/lib/$python"/lib-dynload/*.so

guest() {	# guest BZIMAGE LOG COMMAND
	"$harness/boot.sh" -b -m 3072 -t 1500 -r "$root" -l "$out/$2.console" -x "$3" "$1" 2>&1 | tee "$out/$2.log"
}

status=0
# CRIU gives a restored container a root with pivot_root(), which an initramfs does not allow: move all to a tmpfs.
guest "$out/arch/x86/boot/bzImage" guest '
	mkdir /new && mount -t tmpfs -o size=2g none /new && cp -a /bin /criu /etc /lib* /usr /new || exit
	for d in proc dev sys tmp run; do mkdir /new/$d && mount -o move /$d /new/$d; done
	cd /new && mount -o move . / && exec chroot . /usr/bin/python3 /criu/guest.py '"$*" || status=1
[ $# -eq 0 ] || exit $status

rivals="/criu/rivals ${RIVALS_SECONDS:-20}"
say "two restorers side by side, through clone3(), on the unpatched kernel"
guest "$base_bzimage" rivals-base "$rivals" || status=1
say "the same, through clone_with_pids()"
guest "$out/arch/x86/boot/bzImage" rivals "LD_PRELOAD=/criu/clone_with_pids_preload.so $rivals" || status=1
grep -q 'left to clone3(): 0 with set_tid' "$out/rivals.log" || { say "not ok: not all went through clone_with_pids()"; status=1; }
before=$(sed -n 's/.* \([0-9]*\) failed.*/\1/p' "$out/rivals-base.log")
after=$(sed -n 's/.* \([0-9]*\) failed.*/\1/p' "$out/rivals.log")
[ "${before:-0}" -gt 0 ] || { say "not ok: the unpatched kernel shows no pid that nobody has: this test proves nothing"; status=1; }
[ "${after:-1}" -eq 0 ] || { say "not ok: a restore failed for a pid that nobody has"; status=1; }
((!status)) || die "a test failed: see above, and build/$BASE/criu/*.log"
