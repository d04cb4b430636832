import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.util.ArrayDeque;
import java.util.TreeMap;
import java.util.concurrent.Executors;

/** A small shop behind HTTP: each request sorts a basket, and the last thousand baskets stay in memory. */
public class Shop {
    public static void main(String[] arguments) throws Exception {
        HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(arguments[0])), 64);
        ArrayDeque<TreeMap<Integer, String>> baskets = new ArrayDeque<>();
        server.createContext("/", exchange -> {
            TreeMap<Integer, String> basket = new TreeMap<>();
            for (int item = 0; item < 2000; item++) {
                basket.put((item * 7919) % 10007, "item " + item);
            }
            synchronized (baskets) {
                baskets.add(basket);
                if (baskets.size() > 1000) {
                    baskets.poll();
                }
            }
            byte[] answer = ("first " + basket.firstKey() + "\n").getBytes();
            exchange.sendResponseHeaders(200, answer.length);
            exchange.getResponseBody().write(answer);
            exchange.close();
        });
        server.setExecutor(Executors.newFixedThreadPool(8));
        server.start();
    }
}
