# The lab's process 1: brings up devices, runs what /lab/environment says, powers off.
. /lab/environment
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
mkdir -p /dev/pts /dev/shm
mount -t tmpfs run /run
mount -t tmpfs shm /dev/shm
mount -t devpts devpts /dev/pts
ip link set lo up
hostname lab 2>/dev/null

load() {
  modprobe -d "$XOQ_LAB_MODULES" "$@" || echo "lab: module $1 does not load"
}

# Cameras: /dev/video0 with one memory plane, /dev/video1 with several, /dev/video20 to 25 to be fed.
# More than one, because v4l2loopback 0.12 takes no second feeder after one that used write() alone.
load vivid n_devs=2 node_types=0x1,0x1 multiplanar=1,2 vid_cap_nr=0,1
load v4l2loopback video_nr=20,21,22,23,24,25 exclusive_caps=1,1,1,1,1,1
# CAN: vcan0 with FD; can0 and can1, two controllers on one bus.
for module in can-raw can-gw vcan vxcan kvaser_pci; do load $module; done
ip link add vcan0 type vcan && ip link set vcan0 mtu 72 up
for interface in can0 can1; do
  ip link set $interface type can bitrate 500000 && ip link set $interface up
done
# USB serial: /dev/ttyACM0 is the adapter, /dev/ttyGS0 its device end. g_serial comes last.
for module in dummy_hcd cdc-acm usb_f_acm g_serial; do load $module; done
echo "lab: devices up after $(cut -d' ' -f1 /proc/uptime) s"

cd "$XOQ_LAB_CHECKOUT" || exit
sh -c "$XOQ_LAB_COMMAND" < /dev/null
echo $? > /lab/exit
if [ -n "$XOQ_LAB_SHELL" ]; then
  echo "lab: a shell of the guest; leave it with exit"
  setsid sh -c 'exec bash -i < /dev/ttyS0 > /dev/ttyS0 2>&1'
fi
sync
# Started before the files go away; process 1 must not end first.
sleep 60 &
echo o > /proc/sysrq-trigger
wait
