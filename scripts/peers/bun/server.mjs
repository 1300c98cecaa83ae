// The rooms of ../ws/server.mjs, with what Bun brings itself (its WebSocket server is uWebSockets, with topics):
//   bun server.mjs PORT
const port = Number(process.argv[2]);

const server = Bun.serve({
  hostname: '127.0.0.1',
  port,
  fetch(request, server) {
    return server.upgrade(request) ? undefined : new Response('WebSocket only', { status: 426 });
  },
  websocket: {
    perMessageDeflate: false,
    message(socket, data) {
      let command;
      try {
        command = JSON.parse(data);
      } catch {
        return socket.close(1007);
      }
      if (command.publish !== undefined) {
        server.publish(command.publish, JSON.stringify({ room: command.publish, body: command.body }));
      } else if (command.subscribe !== undefined) {
        socket.subscribe(command.subscribe);
        socket.send(JSON.stringify({ subscribed: command.subscribe }));
      } else if (command.unsubscribe !== undefined) {
        socket.unsubscribe(command.unsubscribe);
        socket.send(JSON.stringify({ unsubscribed: command.unsubscribe }));
      }
    },
  },
});
console.log(`listening on 127.0.0.1:${server.port}`);
