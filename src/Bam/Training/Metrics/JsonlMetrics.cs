using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Bam.Files;

namespace Bam.Training.Metrics;

/// <summary>Metrics as one JSON object per line, each handed to the operating system at once.</summary>
internal sealed class JsonlMetrics : IMetricsSink
{
    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private readonly string path;
    private readonly FileStream stream;

    /// <summary>Continues a file, or starts it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="step">
    /// The steps done by the checkpoint that training goes on from: lines of later steps, and a line that was cut short, are
    /// removed, because their steps are done again.
    /// </param>
    /// <param name="evaluationIsDue">True: the evaluation after that step is done again, so its line is removed as well.</param>
    /// <param name="reporter">Warned of lines that are damaged, which are removed, and of a file that is gone.</param>
    /// <exception cref="InvalidInputException">The path is a directory.</exception>
    /// <exception cref="WorkFailedException">The file cannot be written.</exception>
    public JsonlMetrics(string path, long step, bool evaluationIsDue = false, IReporter? reporter = null)
    {
        this.path = path;
        if (Directory.Exists(path)) throw new InvalidInputException(path, "the run's metrics", "a directory", "move it away");
        if (step > 0 && !File.Exists(path))
            reporter?.Warn($"{path}: is missing; the metrics of the {step} steps before are lost");
        try
        {
            var written = File.Exists(path) ? File.ReadAllBytes(path) : [];
            var kept = LinesToKeep(written, step, evaluationIsDue, reporter);
            if (!written.AsSpan().StartsWith(kept)) AtomicFile.Write(path, file => file.Write(kept));
            stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read);
            stream.SetLength(kept.Length);
            stream.Position = kept.Length;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new WorkFailedException($"{path}: cannot be written ({IoFailure.Describe(e)})", e);
        }
    }

    public void Write(StepMetrics metrics) => Append(metrics);

    public void Write(EvaluationMetrics metrics) => Append(metrics);

    public void Flush() => Guard(stream.Flush);

    public void Dispose()
    {
        try
        {
            stream.Dispose();
        }
        catch (IOException)
        {
            // The disk is full, which Write has said already; a resumed run cuts what is left of the line.
        }
    }

    private byte[] LinesToKeep(byte[] written, long step, bool evaluationIsDue, IReporter? reporter)
    {
        using var kept = new MemoryStream(written.Length);
        var (start, number, damaged, firstDamaged) = (0, 1, 0, 0);
        // What is behind the last line end was cut short by a kill.
        for (int length; (length = written.AsSpan(start).IndexOf((byte)'\n') + 1) > 0; start += length, number++)
        {
            var line = written.AsMemory(start, length);
            if (StepOf(line) is not var (found, isEvaluation))
            {
                if (damaged++ == 0) firstDamaged = number;
            }
            else if (found < step || (found == step && !(evaluationIsDue && isEvaluation)))
            {
                kept.Write(line.Span);
            }
        }

        if (damaged == 1) reporter?.Warn($"{path}: line {firstDamaged} is not metrics and is removed");
        if (damaged > 1)
            reporter?.Warn($"{path}: {damaged} lines are not metrics and are removed, line {firstDamaged} is the first");
        return kept.ToArray();
    }

    // The step of a line, and whether it is an evaluation's.
    private static (long Step, bool IsEvaluation)? StepOf(ReadOnlyMemory<byte> line)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            return json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty("step", out var step)
                && step.ValueKind == JsonValueKind.Number && step.TryGetInt64(out var number)
                ? (number, json.RootElement.TryGetProperty("evaluation", out _))
                : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // Not JSON, or a key in it is not Unicode text.
            return null;
        }
    }

    private void Append<T>(T metrics)
    {
        byte[] line = [.. JsonSerializer.SerializeToUtf8Bytes(metrics, Options), (byte)'\n'];
        Guard(() => stream.Write(line));
        Flush();
    }

    private void Guard(Action write)
    {
        try
        {
            write();
        }
        catch (IOException e)
        {
            throw new WorkFailedException($"{path}: cannot be written ({IoFailure.Describe(e)})", e);
        }
    }
}
