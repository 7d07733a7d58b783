#!/bin/busybox sh
# Process 1 of the initramfs: the host's files below, a tmpfs above, so that everything can be
# written and nothing reaches the host but what goes to /lab.
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
while read -r module; do insmod "/modules/$module" || echo "lab: $module does not load"; done \
  < /modules/order
share="trans=virtio,version=9p2000.L,msize=512000"
mount -t 9p -o "$share,cache=loose,ro" host /host || echo "lab: the host's files can't be mounted"
mount -t tmpfs -o size=75% copy /copy
mkdir /copy/upper /copy/work
mount -t overlay -o lowerdir=/host,upperdir=/copy/upper,workdir=/copy/work root /sysroot
mkdir -p /sysroot/lab /sysroot/dev /sysroot/proc /sysroot/sys /sysroot/run
mount -t 9p -o "$share" lab /sysroot/lab
mount --move /dev /sysroot/dev
mount --move /proc /sysroot/proc
mount --move /sys /sysroot/sys
exec switch_root /sysroot /bin/sh /lab/guest.sh
