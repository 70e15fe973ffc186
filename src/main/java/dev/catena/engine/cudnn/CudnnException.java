package dev.catena.engine.cudnn;

import dev.catena.driver.CudnnConstants;
import dev.catena.error.DeviceException;

/** cuDNN refused a call: which, with what status, and the reason it gives itself. */
public final class CudnnException extends DeviceException {

  private static final long serialVersionUID = 1;

  private final int status;

  CudnnException(String function, int status, String name, String reason) {
    super(function + ": " + name + " (" + status + ")" + (reason.isEmpty() ? "" : ", " + reason));
    this.status = status;
  }

  /** True if cuDNN understood the request and cannot serve it: try the next plan. */
  public boolean notSupported() {
    return status / 1000 == CudnnConstants.STATUS_NOT_SUPPORTED / 1000;
  }
}
