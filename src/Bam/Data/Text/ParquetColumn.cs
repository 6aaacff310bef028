using ParquetSharp;

namespace Bam.Data.Text;

/// <summary>
/// The strings of a column in one row group. One page of the column and its dictionary are in memory, and each string stays in
/// the library's memory until the next is read.
/// </summary>
internal sealed unsafe class ParquetColumn : IDisposable
{
    private const int BatchLength = 1024;

    private readonly RowGroupReader rowGroup;
    private readonly string path;
    private readonly int rowGroupIndex;
    private readonly ColumnReader<ByteArray> reader;
    private readonly short maxLevel; // definition level of a string; lower ones are nulls
    private readonly long rowCount;
    private readonly short[] levels = new short[BatchLength];
    private readonly ByteArray[] values = new ByteArray[BatchLength];
    private long rowsRead;
    private int batchRows;
    private int batchValues; // strings, without the nulls
    private int row = -1;
    private int value = -1;

    /// <summary>Takes ownership of the row group.</summary>
    public ParquetColumn(RowGroupReader rowGroup, int column, string path, int rowGroupIndex)
    {
        this.rowGroup = rowGroup;
        this.path = path;
        this.rowGroupIndex = rowGroupIndex;
        rowCount = rowGroup.MetaData.NumRows;
        try
        {
            reader = (ColumnReader<ByteArray>)rowGroup.Column(column);
        }
        catch
        {
            rowGroup.Dispose();
            throw;
        }

        maxLevel = reader.ColumnDescriptor.MaxDefinitionLevel;
    }

    public bool IsNull => maxLevel > 0 && levels[row] < maxLevel;

    /// <summary>The bytes of the string, empty if null; valid until the next row is read.</summary>
    public ReadOnlySpan<byte> Current => IsNull ? [] : new((void*)values[value].Pointer, values[value].Length);

    /// <summary>Advances to the next row.</summary>
    /// <returns>False after the last row.</returns>
    /// <exception cref="InvalidInputException">The file is damaged.</exception>
    public bool MoveNext()
    {
        row++;
        if (row == batchRows)
        {
            batchRows = ParquetFile.Checked(path, ReadBatch);
            rowsRead += batchRows;
            (row, value) = (0, -1);
            if (batchRows == 0 ? rowsRead != rowCount : rowsRead > rowCount)
                throw ParquetFile.Damaged(path, $"row group {rowGroupIndex} has {rowsRead:N0} rows instead of {rowCount:N0}");
            if (batchRows == 0) return false;
        }

        if (!IsNull && ++value >= batchValues)
            throw ParquetFile.Damaged(path, $"a page of row group {rowGroupIndex} has fewer values than its levels say");
        return true;
    }

    public void Dispose()
    {
        reader.Dispose();
        rowGroup.Dispose();
    }

    // Of one page at most: the library frees a page when it reads the next.
    private int ReadBatch()
    {
        if (!reader.HasNext) return 0;
        var rows = (int)reader.ReadBatch(BatchLength, levels, null, values, out var count);
        batchValues = (int)count;
        return rows;
    }
}
