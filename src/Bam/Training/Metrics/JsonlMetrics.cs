using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Bam.Training.Metrics;

/// <summary>Metrics as one JSON object a line, each handed to the operating system at once.</summary>
public sealed class JsonlMetrics : IMetricsSink
{
    private static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private readonly string path;
    private readonly FileStream stream;

    /// <summary>Goes on with a file, or starts it.</summary>
    /// <param name="path">The file.</param>
    /// <param name="step">
    /// The steps done by the checkpoint that training goes on from: lines of later steps, and a line that was cut short, are
    /// removed, because their steps are done again.
    /// </param>
    /// <param name="evaluationIsDue">True: the evaluation after that step is done again, so its line is removed as well.</param>
    /// <exception cref="WorkFailedException">The file cannot be written.</exception>
    public JsonlMetrics(string path, long step, bool evaluationIsDue = false)
    {
        this.path = path;
        try
        {
            stream = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
            var end = EndOf(stream, step, evaluationIsDue);
            stream.SetLength(end);
            stream.Position = end;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new WorkFailedException($"{path}: cannot be written ({e.Message})", e);
        }
    }

    /// <inheritdoc/>
    public void Write(StepMetrics metrics) => Append(metrics);

    /// <inheritdoc/>
    public void Write(EvaluationMetrics metrics) => Append(metrics);

    /// <inheritdoc/>
    public void Flush() => Guard(stream.Flush);

    /// <inheritdoc/>
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

    /// <summary>The end of the last whole line that belongs to the first <paramref name="step"/> steps.</summary>
    private static long EndOf(FileStream stream, long step, bool evaluationIsDue)
    {
        using var reader = new StreamReader(stream, leaveOpen: true);
        var end = 0L;
        while (reader.ReadLine() is { } line)
        {
            var next = end + Encoding.UTF8.GetByteCount(line) + 1;
            if (next > stream.Length || !Belongs(line, step, evaluationIsDue)) return end;
            end = next;
        }

        return end;
    }

    private static bool Belongs(string line, long step, bool evaluationIsDue)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            var found = json.RootElement.GetProperty("step").GetInt64();
            return found < step || (found == step && !(evaluationIsDue && json.RootElement.TryGetProperty("evaluation", out _)));
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return false;
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
            throw new WorkFailedException($"{path}: cannot be written ({e.Message})", e);
        }
    }
}
