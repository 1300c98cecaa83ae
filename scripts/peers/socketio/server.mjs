// Rooms with the npm package socket.io:  node server.mjs PORT
//
//   join ROOM, leave ROOM   with an acknowledgement
//   post ROOM, BODY         →  post BODY to everybody in the room; no acknowledgement
//
// Beside its defaults, what its documentation says about performance and memory: bufferutil is installed, and the first
// request of a connection is let go of. Compression is off (its default, too) and so is polling, which nobody uses here.
import { createServer } from 'node:http';
import { Server } from 'socket.io';

const port = Number(process.argv[2]);
const http = createServer();
const io = new Server(http, { transports: ['websocket'], perMessageDeflate: false, serveClient: false });
io.engine.on('connection', (raw) => {
  raw.request = null;
});
io.on('connection', (socket) => {
  socket.on('join', (room, done) => {
    socket.join(room);
    done();
  });
  socket.on('leave', (room, done) => {
    socket.leave(room);
    done();
  });
  socket.on('post', (room, body) => {
    io.to(room).emit('post', body);
  });
});
http.listen({ host: '127.0.0.1', port, backlog: 4096 }, () => console.log(`listening on 127.0.0.1:${port}`));
