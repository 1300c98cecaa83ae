// Publish and subscribe in rooms with the npm package ws:  node server.mjs PORT
//
//   {"subscribe":"load-1"}               →  {"subscribed":"load-1"}
//   {"unsubscribe":"load-1"}             →  {"unsubscribed":"load-1"}
//   {"publish":"load-1","body":"hello"}  →  {"room":"load-1","body":"hello"} to each subscriber, the sender included
//
// Only what the package documents. A message is encoded once, and all subscribers get the same buffer.
import { WebSocketServer } from 'ws';

const port = Number(process.argv[2]);
const rooms = new Map();
const text = { binary: false };

function leave(socket, name) {
  const members = rooms.get(name);
  if (members?.delete(socket) && members.size === 0) rooms.delete(name);
}

const server = new WebSocketServer({
  host: '127.0.0.1',
  port,
  backlog: 4096,
  perMessageDeflate: false,
  clientTracking: false,
});
server.on('listening', () => console.log(`listening on 127.0.0.1:${port}`));
server.on('connection', (socket) => {
  const joined = new Set();
  socket.on('message', (data) => {
    let command;
    try {
      command = JSON.parse(data);
    } catch {
      return socket.close(1007);
    }
    if (command.publish !== undefined) {
      const members = rooms.get(command.publish);
      if (members === undefined) return;
      const bytes = Buffer.from(JSON.stringify({ room: command.publish, body: command.body }));
      for (const member of members) member.send(bytes, text);
    } else if (command.subscribe !== undefined) {
      const name = command.subscribe;
      let members = rooms.get(name);
      if (members === undefined) rooms.set(name, (members = new Set()));
      members.add(socket);
      joined.add(name);
      socket.send(JSON.stringify({ subscribed: name }));
    } else if (command.unsubscribe !== undefined) {
      leave(socket, command.unsubscribe);
      joined.delete(command.unsubscribe);
      socket.send(JSON.stringify({ unsubscribed: command.unsubscribe }));
    }
  });
  socket.on('error', () => {}); // 'close' follows
  socket.on('close', () => {
    for (const name of joined) leave(socket, name);
  });
});
