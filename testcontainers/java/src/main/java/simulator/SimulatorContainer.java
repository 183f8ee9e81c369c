package simulator;

import java.util.Locale;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.wait.strategy.Wait;

/** A container with the Telnyx Verify simulator. */
public final class SimulatorContainer extends GenericContainer<SimulatorContainer> {
  private static final int PORT = 4010;

  public SimulatorContainer(String image) {
    super(image);
    withCommand("simulator").withExposedPorts(PORT).waitingFor(Wait.forHttp("/_simulator/health").forPort(PORT));
    withSetting("listen", "0.0.0.0:" + PORT).withSetting("allow_remote", "true");
  }

  /** Sets a setting of the simulator, such as {@code attempt_limit}. */
  public SimulatorContainer withSetting(String name, String value) {
    return withEnv("SIMULATOR_" + name.toUpperCase(Locale.ROOT), value);
  }

  /** Its control endpoints, once it runs. */
  public Simulator simulator() {
    return new Simulator("http://" + getHost() + ":" + getMappedPort(PORT));
  }
}
