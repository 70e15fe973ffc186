/**
 * The front door: a model by name, with weights, compiled into a session.
 *
 * <pre>{@code
 * try (Device device = Device.open();
 *     Model model = Models.get("densenet121").load(SafeTensors.open(weights));
 *     Session session = model.compile(device, Inference.batch(8).dtype(DType.FP16))) {
 *   System.out.println(session.plan().report());
 *   session.run(images, logits); // MemorySegment in, MemorySegment out; any thread
 * }
 * }</pre>
 */
package dev.catena;
